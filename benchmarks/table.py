"""What every benchmark prints."""

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is above 1 where MIAP is better."""

    case: str
    metric: str
    ours: float
    peer: float
    peer_name: str
    ratio: float

    @classmethod
    def seconds(cls, case: str, ours: float, peer: float, peer_name: str, metric: str = "s") -> "Row":
        """A time: less is better."""
        return cls(case, metric, round(ours, 3), round(peer, 3), peer_name, round(peer / ours, 3))

    @classmethod
    def score(cls, case: str, metric: str, ours: float, peer: float, peer_name: str) -> "Row":
        """A score: more is better."""
        return cls(case, metric, round(ours, 4), round(peer, 4), peer_name, round(ours / peer, 4) if peer else 0.0)


def shared_data() -> Path:
    """The folder of real scans: ``MIAP_SHARED_DATA``, or ``shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MIAP_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"This benchmark needs the shared scans; set MIAP_SHARED_DATA (looked in {folder}).")
    os.environ["MIAP_SHARED_DATA"] = str(folder.resolve())
    return folder


def main(name: str, measure: Callable[[bool], Iterable[Row]]) -> None:
    """Run a benchmark and print a table for people or, with ``--json``, a list for machines."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", action="store_true", help="print a list of rows")
    parser.add_argument("--quick", action="store_true", help="less of the same work")
    options = parser.parse_args()
    rows = list(measure(options.quick))
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = Table("case", "metric", "MIAP", "peer", "peer's name", "ratio", title=f"{name} on {machine()}")
    for row in rows:
        table.add_row(row.case, row.metric, f"{row.ours:g}", f"{row.peer:g}", row.peer_name, f"{row.ratio:.2f}×")
    Console().print(table)


def machine() -> str:
    """The processor and how many of its cores there are."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line), model
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"
