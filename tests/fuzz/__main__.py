"""`python -m tests.fuzz`: fuzz the readers side by side and print what came of it."""

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fuzz.target import TARGETS

MOST_SECONDS = 10


@dataclass(frozen=True)
class Outcome:
    """What one fuzzing process did.

    Args:
        target: Name of the reader.
        inputs: How many were read.
        slowest_s: The longest that one took, s.
        peak_mb: Most memory of the process, MB.
        finding: The error and the input that caused it; empty if there was none.
    """

    target: str
    inputs: int
    slowest_s: int
    peak_mb: int
    finding: str


def fuzz(name: str, runs: int, seed: int, folder: Path) -> Outcome:
    """Fuzz one reader in a process of its own; findings are kept in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.worker", name, str(folder)]
    limits = [f"-runs={runs}", f"-seed={seed}", f"-timeout={MOST_SECONDS}", "-rss_limit_mb=3072", "-max_len=16384"]
    done = subprocess.run([*command, *limits], capture_output=True, text=True, errors="replace", check=False)
    (folder / "log.txt").write_text(done.stdout + done.stderr)
    stats = {key: int(value) for key, value in re.findall(r"stat::(\w+):\s+(\d+)", done.stderr)}
    inputs = [file.name for file in folder.glob("*-*") if file.is_file()]
    said = [
        line for line in (done.stdout + done.stderr).splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception)", line)
    ]
    finding = " ".join([*inputs, *said[-1:]])[:200] if done.returncode else ""
    return Outcome(
        name,
        stats.get("number_of_executed_units", 0),
        stats.get("slowest_unit_time_sec", 0),
        stats.get("peak_rss_mb", 0),
        finding or (f"exit code {done.returncode}, see log.txt" if done.returncode else ""),
    )


def main() -> int:
    """The command line; exit code 1 if any reader raised what it should not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; default all")
    parser.add_argument("--runs", type=int, default=200_000, help="inputs over all chosen readers")
    parser.add_argument("--seed", type=int, default=1, help="repeats a run")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--keep", type=Path, help="folder for corpora, logs and inputs that broke a reader")
    asked = parser.parse_args()
    keep = asked.keep or Path(tempfile.mkdtemp(prefix="miap-fuzz-"))
    shares = sum(TARGETS[name].share for name in asked.target)
    with ThreadPoolExecutor(asked.jobs) as pool:
        outcomes = list(
            pool.map(
                lambda name: fuzz(name, -(-asked.runs * TARGETS[name].share // shares), asked.seed, keep / name),
                asked.target,
            )
        )
    table = Table("reader", "inputs", "slowest, s", "peak memory, MB", "finding")
    for one in outcomes:
        table.add_row(one.target, f"{one.inputs:,}", str(one.slowest_s), str(one.peak_mb), one.finding or "none")
    table.add_section()
    table.add_row("all", f"{sum(one.inputs for one in outcomes):,}", "", "", "")
    Console().print(table)
    broken = [one.target for one in outcomes if one.finding]
    if broken:
        print(f"Inputs and logs are in {keep}.", file=sys.stderr)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
