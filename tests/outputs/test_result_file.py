"""A result file appears whole, with what goes beside it, or not at all."""

from pathlib import Path

import pytest

from miap.errors import UsageError
from miap.outputs.result_file import ResultFile

pytestmark = pytest.mark.req("REQ-NF-R-001")


def write(target: Path, *, overwrite: bool = False, text: str = "new") -> None:
    with ResultFile(target, overwrite=overwrite) as folder:
        (folder / target.name).write_text(text)
        (folder / "beside.json").write_text(text)


def test_a_file_and_its_companion_appear_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "made" / "image.nii")
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == ["beside.json", "image.nii"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ResultFile(tmp_path / "image.nii") as folder:
        (folder / "image.nii").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["image.nii", "beside.json"])
def test_what_is_there_stays_unless_it_may_be_replaced(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("old")
    with pytest.raises(UsageError, match="is there already"):
        write(tmp_path / "image.nii")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
    write(tmp_path / "image.nii", overwrite=True)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["new", "new"]


def test_places_where_no_file_can_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="No file"):
        write(tmp_path / "file" / "image.nii")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write(tmp_path / "folder", overwrite=True)
