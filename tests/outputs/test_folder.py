"""What a result folder promises: whole or not at all, even when the run is killed."""

import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from miap.errors import UsageError
from miap.outputs.folder import ResultFolder

pytestmark = pytest.mark.req("REQ-NF-R-002")


def test_nothing_is_at_the_target_before_the_end_and_all_of_it_after(tmp_path):
    target = tmp_path / "out"
    with ResultFolder(target) as folder:
        (folder / "a.txt").write_text("a")
        (folder / "sub").mkdir()
        (folder / "sub" / "b.txt").write_text("b")
        assert not target.exists()
    assert sorted(p.relative_to(target).as_posix() for p in target.rglob("*")) == ["a.txt", "sub", "sub/b.txt"]
    assert os.listdir(tmp_path) == ["out"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


def test_a_failure_leaves_nothing_not_even_new_parents(tmp_path):
    with pytest.raises(RuntimeError), ResultFolder(tmp_path / "new" / "deep" / "out") as folder:
        (folder / "a.txt").write_text("a")
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_the_parents_others_moved_into(tmp_path):
    with pytest.raises(RuntimeError), ResultFolder(tmp_path / "new" / "out"):
        (tmp_path / "new" / "neighbour").mkdir()
        raise RuntimeError
    assert os.listdir(tmp_path / "new") == ["neighbour"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    with ResultFolder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert (tmp_path / "out" / "a.txt").read_text() == "a"


def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"), ResultFolder(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="is a file"), ResultFolder(tmp_path / "out", overwrite=True):
        pytest.fail("the block must not run")


def test_a_target_filled_meanwhile_is_kept(tmp_path):
    with pytest.raises(UsageError), ResultFolder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "other.txt").write_text("b")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["other.txt"]


def test_overwriting_replaces_the_whole_folder_at_the_end(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with ResultFolder(target, overwrite=True) as folder:
        (folder / "new.txt").write_text("new")
        assert (target / "old.txt").exists()
    assert os.listdir(target) == ["new.txt"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_failure_while_overwriting_keeps_the_old_result(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with pytest.raises(RuntimeError), ResultFolder(target, overwrite=True) as folder:
        (folder / "new.txt").write_text("new")
        raise RuntimeError
    assert os.listdir(target) == ["old.txt"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_rename_that_fails_puts_the_old_result_back(tmp_path, monkeypatch):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old.txt").write_text("old")
    result = ResultFolder(target, overwrite=True)
    rename = type(target).rename

    def failing(self, to):
        if self.suffix == ".partial":
            raise OSError("disk trouble")
        return rename(self, to)

    monkeypatch.setattr(type(target), "rename", failing)
    with pytest.raises(OSError, match="disk trouble"), result as folder:
        (folder / "new.txt").write_text("new")
    assert os.listdir(target) == ["old.txt"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_rename_that_fails_leaves_nothing_where_there_was_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "rename", lambda *_: (_ for _ in ()).throw(OSError("disk trouble")))
    with pytest.raises(OSError, match="disk trouble"), ResultFolder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert os.listdir(tmp_path) == []


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from miap.outputs.folder import ResultFolder
    with ResultFolder(Path(sys.argv[1])) as folder:
        (folder / "a.txt").write_text("a")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path):
    target = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), target], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert len(os.listdir(tmp_path)) == 1
    with ResultFolder(target) as folder:
        (folder / "b.txt").write_text("b")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(target) == ["b.txt"]


def test_a_run_that_is_still_going_is_not_swept(tmp_path):
    with ResultFolder(tmp_path / "out") as first:
        (first / "a.txt").write_text("a")
        with ResultFolder(tmp_path / "out", overwrite=True) as second:
            assert first.exists()
            (second / "b.txt").write_text("b")
        (tmp_path / "out" / "b.txt").unlink()
    assert os.listdir(tmp_path / "out") == ["a.txt"]


def test_a_result_moved_aside_by_a_killed_run_comes_back(tmp_path):
    aside = tmp_path / ".out.abc.old"
    aside.mkdir()
    (aside / "old.txt").write_text("old")
    with pytest.raises(UsageError), ResultFolder(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert os.listdir(tmp_path / "out") == ["old.txt"]


def test_a_replaced_result_that_was_not_deleted_is_swept(tmp_path):
    (tmp_path / ".out.abc.old").mkdir()
    (tmp_path / "out").mkdir()
    with ResultFolder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.req("REQ-NF-R-002")
def test_a_place_where_nothing_can_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match="can be made"), ResultFolder(tmp_path / "file" / "deeper" / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
