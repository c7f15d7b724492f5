"""One fuzzing process: ``python -m tests.fuzz.worker TARGET FOLDER [libFuzzer options]``, of one reader or of ``all``.

An allocation that would take the process 2 GiB past its start fails with a MemoryError, which no reader may let out.
"""

import logging
import resource
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import atheris

INSTRUMENTED = [
    "miap.imaging", "nibabel.nifti1", "pydicom.dataelem", "pydicom.dataset", "pydicom.filebase", "pydicom.filereader",
    "pydicom.values", "zipfile",
]  # fmt: skip
with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.target import TARGETS

MOST_BYTES = 2 * 2**30
ALL = "all"


def main(name: str, folder: Path, options: list[str]) -> None:
    """Fuzz until libFuzzer ends the process; inputs and findings stay in ``folder``."""
    warnings.simplefilter("ignore")
    logging.disable()
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for index, seed in enumerate(seeds(name)):
        (corpus / f"{index}").write_bytes(seed)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MOST_BYTES, used + MOST_BYTES))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        arguments = [sys.argv[0], str(corpus), f"-artifact_prefix={folder}/", "-print_final_stats=1", *options]
        atheris.Setup(arguments, partial(survive, name, Path(scratch)))
        atheris.Fuzz()


def seeds(name: str) -> Iterator[bytes]:
    """What fuzzing starts from; for ``all``, the first byte says which reader an input is for."""
    for number, (each, target) in enumerate(TARGETS.items()):
        for file in target.seed_files:
            if name == ALL:
                yield bytes([number]) + file.read_bytes()
            elif name == each:
                yield file.read_bytes()


def survive(name: str, folder: Path, data: bytes) -> None:
    """Give an input to its reader."""
    if name == ALL:
        name, data = list(TARGETS)[data[0] % len(TARGETS) if data else 0], data[1:]
    TARGETS[name].survive(data, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
