"""A CT series to voxels: MIAP against SimpleITK's `ImageSeriesReader` and against dcm2niix, from a folder each.

The series is a made-up body of 300 slices of 512 × 512 in 12 bits, uncompressed and in JPEG 2000. MIAP sorts by
position and checks as it always does; SimpleITK is given the folder and sorts by its own means; dcm2niix writes an
uncompressed NIfTI, which is part of its time. Pages are warm for all. Runs are interleaved.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import JPEG2000Lossless
from scipy import ndimage

from benchmarks.table import Row, main
from miap.imaging.modality import Modality
from miap.imaging.phantom.dicom_writer import write_series
from miap.imaging.phantom.study import Study
from miap.imaging.series import read_series
from miap.imaging.volume import Volume


def measure(quick: bool) -> Iterator[Row]:
    """All rows."""
    slices, runs = (60, 2) if quick else (300, 5)
    with tempfile.TemporaryDirectory() as work:
        plain, packed = Path(work) / "plain", Path(work) / "packed"
        _make(plain, slices)
        packed.mkdir()
        for file in plain.iterdir():
            dataset = pydicom.dcmread(file)
            dataset.compress(JPEG2000Lossless)
            dataset.save_as(packed / file.name)
        for folder, name in ((plain, "uncompressed"), (packed, "JPEG 2000")):
            case = f"512×512×{slices}, {name}"
            np.testing.assert_array_equal(_ours(folder), _sitk(folder))
            peers: dict[str, Callable[[Path], object]] = {"SimpleITK ImageSeriesReader": _sitk}
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            if (program := shutil.which("dcm2niix", path=path)) is not None:
                peers["dcm2niix"] = partial(_dcm2niix, program)
            for peer, read in peers.items():
                pairs = np.array([(_seconds(_ours, folder), _seconds(read, folder)) for _ in range(runs)])
                ours, theirs = (float(seconds) for seconds in np.median(pairs, axis=0))
                yield Row.seconds(case, ours, theirs, peer)
            if program is None:
                print("dcm2niix is not installed (pip install dcm2niix): left out.")


def _make(folder: Path, slices: int) -> None:
    random = np.random.default_rng(0)
    x, y = np.meshgrid(*[np.linspace(-1, 1, 512)] * 2, indexing="ij")
    texture = ndimage.gaussian_filter(random.normal(size=(512, 512, 8)), (3, 3, 0)) * 200
    body = np.where(x**2 + (y / 0.7) ** 2 < 0.8, 40.0, -1000.0)[..., None]
    noise = random.normal(0, 12, (512, 512, slices))
    array = body + np.take(texture, np.arange(slices) % 8, axis=2) * (body > 0) + noise
    affine = np.diag([0.8, 0.8, 1.5, 1.0])
    volume = Volume(np.clip(array, -1024, 3071)[None].astype(np.float32), affine, Modality.CT)
    write_series(folder, volume, modality=Modality.CT, description="bench", study=Study("BENCH", "BENCH^READ"))


def _ours(folder: Path) -> object:
    (series,) = read_series([folder])
    return series.volume().array[0].transpose(2, 1, 0)


def _sitk(folder: Path) -> object:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(sitk.sitkFloat32)
    return sitk.GetArrayFromImage(reader.Execute())


def _dcm2niix(program: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as output:
        command = [program, "-z", "n", "-b", "n", "-v", "0", "-o", output, str(folder)]
        subprocess.run(command, check=True, capture_output=True)


def _seconds(work: Callable[[Path], object], folder: Path) -> float:
    started = time.perf_counter()
    work(folder)
    return time.perf_counter() - started


if __name__ == "__main__":
    main("bench_read", measure)
