"""Datalists: patients stay apart, and every file is there."""

import json
from pathlib import Path

import pytest

from miap.errors import InputError
from miap.training.datalist import Datalist

ENTRY = {"id": "a", "patient": "p", "fold": 0, "image": {"ct": "ct.nii.gz"}, "label": "mask.nii.gz"}


def _write(folder: Path, *entries: dict[str, object], root: str = ".") -> Path:
    for name in ("ct.nii.gz", "mask.nii.gz"):
        (folder / name).touch()
    path = folder / "list.json"
    path.write_text(json.dumps({"root": root, "training": entries}))
    return path


@pytest.mark.req("REQ-F-001")
def test_a_fold_splits_patients_and_an_unknown_fold_leaves_nobody_out(tmp_path: Path) -> None:
    path = _write(tmp_path, ENTRY, {**ENTRY, "id": "b", "patient": "q", "fold": 1}, {**ENTRY, "id": "c"})
    datalist = Datalist.load(path)
    training, left_out = datalist.split(0)
    assert ([c.id for c in training], [c.id for c in left_out]) == (["b"], ["a", "c"])
    assert datalist.folds == (0, 1)
    assert len(datalist.split(9)[0]) == 3


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([ENTRY, {**ENTRY, "id": "b", "fold": 1}], "several folds"),
        ([ENTRY, ENTRY], "names a case twice"),
        ([{**ENTRY, "label": "absent.nii.gz"}], "absent.nii.gz"),
        ([{**ENTRY, "image": {"xray": "ct.nii.gz"}}], "cannot be used"),
        ([{"id": "a"}], "cannot be used"),
    ],
)
def test_a_list_that_would_mislead_is_refused(tmp_path: Path, entries: list[dict[str, object]], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Datalist.load(_write(tmp_path, *entries))


def test_a_root_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, ENTRY, root="${MIAP_TEST_ROOT}")
    with pytest.raises(InputError, match="MIAP_TEST_ROOT"):
        Datalist.load(path)
    monkeypatch.setenv("MIAP_TEST_ROOT", str(tmp_path))
    assert Datalist.load(path).cases[0].label == tmp_path / "mask.nii.gz"


def test_a_list_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no datalist"):
        Datalist.load(tmp_path / "absent.json")


def test_cases_without_a_fold_are_all_held_out(tmp_path: Path) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != "fold"}
    assert Datalist.load(_write(tmp_path, entry)).cases[0].fold is None
