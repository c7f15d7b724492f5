"""Lesions as a CSV table for spreadsheets and statistics."""

import csv
from collections.abc import Sequence
from pathlib import Path

from miap.findings.lesion import Findings, Lesion

COLUMNS = (
    "lesion", "label", "volume_ml", "longest_diameter_mm", "perpendicular_diameter_mm",
    "centroid_l_mm", "centroid_p_mm", "centroid_s_mm",
    "extent_x_mm", "extent_y_mm", "extent_z_mm", "confidence", "suv_max", "suv_mean", "suv_peak",
    "mtv_ml", "tlg_g", "flags", "tracking_uid",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "|", "%")


def write_csv(path: Path, findings: Findings) -> None:
    """Write one row a lesion: UTF-8, comma, unit in each column's name, centroid in LPS, empty where not measured.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, which shows it as text
    (CWE-1236); line ends and tabs in a text become spaces.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(lesion) for lesion in findings.lesions)


def _row(lesion: Lesion) -> Sequence[object]:
    uptake = lesion.uptake
    suv = (uptake.suv_max, uptake.suv_mean, uptake.suv_peak, uptake.mtv_ml, uptake.tlg_g) if uptake else ("",) * 5
    return (
        lesion.id,
        _guarded(lesion.label),
        _number(lesion.volume_ml),
        _number(lesion.longest.length_mm),
        _number(lesion.perpendicular.length_mm),
        *(_number(value) for value in (*lesion.centroid_mm, *lesion.extent_mm)),
        _number(lesion.confidence),
        *(_number(value) for value in suv),
        _guarded("; ".join(lesion.flags)),
        lesion.tracking_uid,
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}" if abs(value) < 1 else f"{value:.3f}"


def _guarded(text: str) -> str:
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_FORMULA) else line
