"""Writing a segmentation of a hundred organs on a CT of 300 slices of 512 × 512: one object, whole in memory never.

The peer is highdicom as its examples have it: one call a segment, which gives one object each. Called once with all
segments stacked, as overlapping ones need, it would want 8 GB before it begins. Each run is a process of its own, ours
and the peer's in turn, so that peak memory is its own and the machine's mood is shared.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage

from benchmarks.table import Row, main
from miap.imaging.segment import Segment
from miap.imaging.series import Series
from miap.outputs.seg import write_segments
from miap.outputs.source import grid, headers
from miap.outputs.uid import derived_uid

SLICES, SIDE = 300, 512
MODEL = {"name": "organs", "version": "1.0"}
PEER = "highdicom, a call a segment"
MOST_SECONDS, MOST_GB = 10.0, 2.0


def measure(quick: bool) -> Iterator[Row]:
    """All rows."""
    count = 10 if quick else 100
    ours, peers = [], []
    for _ in range(1 if quick else 3):
        ours.append(_apart(write_ours, count))
        peers.append(_apart(write_peer, count))
    seconds, peak = np.median(ours, axis=0)
    peer_seconds, peer_peak = np.median(peers, axis=0)
    case = f"{count} segments, {SLICES} × {SIDE} × {SIDE}"
    yield Row.seconds(case, float(seconds), float(peer_seconds), PEER)
    yield Row.seconds(case, float(seconds), MOST_SECONDS, "limit")
    yield Row.seconds(case, float(peak), float(peer_peak), PEER, "GB at most")
    yield Row.seconds(case, float(peak), MOST_GB, "limit", "GB at most")


def write_ours(count: int) -> float:
    """Seconds of one call with all segments."""
    series = _series()
    segments = list(_organs(series, count))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write_segments(Path(folder, "all.dcm"), series, segments, model=MODEL, when=datetime(2026, 1, 1))
        return time.perf_counter() - started


def write_peer(count: int) -> float:
    """Seconds of a call with each segment's mask; making the mask is not counted."""
    series = _series()
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for segment in _organs(series, count):
            mask = np.ascontiguousarray(segment.mask.array[0].T)
            started = time.perf_counter()
            _one_segment(headers(series), mask, segment.label).save_as(Path(folder, f"{segment.number}.dcm"))
            seconds += time.perf_counter() - started
    return seconds


def _one_segment(sources: list[Dataset], mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], label: str) -> Dataset:
    algorithm = hd.AlgorithmIdentificationSequence(MODEL["name"], codes.DCM.ArtificialIntelligence, MODEL["version"])
    made: Dataset = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=mask,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            hd.seg.SegmentDescription(
                segment_number=1,
                segment_label=label,
                segmented_property_category=codes.SCT.Tissue,
                segmented_property_type=codes.SCT.Tissue,
                algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
                algorithm_identification=algorithm,
            )
        ],
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="peer",
        manufacturer_model_name="peer",
        software_versions="1",
        device_serial_number="1",
    )
    return made


def _apart(work: Callable[[int], float], count: int) -> tuple[float, float]:
    """Seconds, and the peak of a fresh process's memory, GB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_with_peak, (work, count))


def _with_peak(work: Callable[[int], float], count: int) -> tuple[float, float]:
    seconds = work(count)
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _series() -> Series:
    """Headers of an axial CT; nobody looks at its pixels."""
    instances = []
    for k in range(SLICES):
        one = Dataset()
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, derived_uid("bench", str(k))
        one.StudyInstanceUID, one.SeriesInstanceUID = derived_uid("bench study"), derived_uid("bench series")
        one.FrameOfReferenceUID = derived_uid("bench frame")
        one.SpecificCharacterSet = "ISO_IR 100"
        one.Modality, one.PatientID, one.PatientName = "CT", "P-1", "Bench^Mark"
        one.Rows = one.Columns = SIDE
        one.PixelSpacing, one.SliceThickness = [0.8, 0.8], 1
        one.ImageOrientationPatient, one.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-200, -200, float(k)]
        instances.append(one)
    return Series(tuple(instances), tuple(Path(f"{k}.dcm") for k in range(SLICES)))


def _organs(series: Series, count: int) -> Iterator[Segment]:
    """Ellipsoids from 2 to 8 cm, which overlap here and there."""
    onto, random = grid(series), np.random.default_rng(0)
    for number in range(1, count + 1):
        radii = random.uniform((12, 12, 10), (50, 50, 40))
        centre = random.uniform(radii, np.array(onto.shape) - radii)
        low = np.maximum(0, np.floor(centre - radii)).astype(int)
        high = np.minimum(onto.shape, np.ceil(centre + radii) + 1).astype(int)
        axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
        index = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        inside = (((index - centre) / radii) ** 2).sum(-1) <= 1
        box = onto.crop(low, high).with_array(inside.astype(np.uint8)[None])
        yield Segment(number, f"organ {number}", box, onto, algorithm="organs 1.0")


if __name__ == "__main__":
    main("bench_seg_write", measure)
