"""The command line: how soon ``miap --help`` answers, and where the time of a whole ``miap analyze`` goes.

The peers: MONAI's own command line for start-up (``python -m monai.bundle --help``), and for the whole analysis the
0.5 s and 120 s that MIAP is held to (REQ-NF-P-002), as nobody else's tool does the same work.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row, main, shared_data

MIAP = str(Path(sys.executable).parent / "miap")


def measure(quick: bool) -> Iterator[Row]:
    """All rows."""
    runs = 3 if quick else 7
    start_up = _seconds([MIAP, "--help"], runs)
    yield Row.seconds(
        "miap --help",
        start_up,
        _seconds([sys.executable, "-m", "monai.bundle", "--help"], 1),
        "python -m monai.bundle --help",
    )
    yield Row.seconds("miap --help", start_up, 0.5, "its limit")
    study = shared_data() / "sts_dicom" / "STS_001"
    paths = [str(study / name / "image") for name in ("CT", "PET")]
    with tempfile.TemporaryDirectory() as folder:
        command = [MIAP, "analyze", *paths, "--output", f"{folder}/out", "--overwrite", "--json"]
        first = _seconds(command, 1)
        yield Row.seconds("miap analyze STS_001, first run ever", first, 120, "limit on a CPU")
        again = _seconds(command, 1 if quick else 3)
        yield Row.seconds("miap analyze STS_001", again, 120, "limit on a CPU")
        for step, seconds in json.loads(Path(folder, "out", "manifest.json").read_text())["times_s"].items():
            yield Row.seconds("miap analyze STS_001", max(seconds, 0.001), again, "the whole", metric=f"s, {step}")


def _seconds(command: list[str], runs: int) -> float:
    """Median of whole-process times."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    main("bench_cli", measure)
