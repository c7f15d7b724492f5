"""A result folder that appears whole or not at all."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from miap.errors import UsageError

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows: what a killed run leaves is not swept)
    fcntl = None  # type: ignore[assignment]

_PARTIAL, _OLD = ".partial", ".old"


class ResultFolder:
    """Collects files beside the target and moves them there in one rename when all went well.

    Use it as a context manager; it gives the folder to write into. When the block ends, everything is flushed to disk
    and the folder is renamed to ``target``; when the block raises, it is removed and the target is as it was. What a
    killed run left behind is swept by the next one. The folder can be read by its owner only.

    Args:
        target: Where the result is to appear.
        overwrite: Whether a result that is already there is replaced; it stays until the new one is complete.

    Raises:
        UsageError: The target is a file, a folder that holds something and ``overwrite`` is not set, or a place where
            nothing can be made.

    Examples:
        >>> with ResultFolder(Path("out")) as folder:  # doctest: +SKIP
        ...     (folder / "findings.json").write_text("{}")
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        self.target = target.resolve()
        self.overwrite = overwrite
        self._made: list[Path] = []
        self._lock = -1

    def __enter__(self) -> Path:
        try:
            self._sweep()
            self._refuse()
            self._make_parents()
            name = tempfile.mkdtemp(prefix=f".{self.target.name}.", suffix=_PARTIAL, dir=self.target.parent)
        except OSError as error:
            self._remove_parents()
            raise UsageError(
                f"No folder {self.target} can be made: {error.strerror}.", remedy="Name one where you may write."
            ) from error
        self._folder = Path(name)
        self._lock = _locked(self._folder)
        return self._folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                _flush(self._folder)
                self._refuse()
                self._place()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._lock >= 0:
                os.close(self._lock)
            if not self.target.exists():
                self._remove_parents()

    def _refuse(self) -> None:
        if self.target.is_dir():
            if any(self.target.iterdir()) and not self.overwrite:
                raise UsageError(
                    f"The output folder {self.target} is not empty.", remedy="Name another, or allow overwriting."
                )
        elif self.target.exists():
            raise UsageError(f"{self.target} is a file, not a folder.", remedy="Name a folder for the result.")

    def _make_parents(self) -> None:
        for parent in reversed(self.target.parents):
            if not parent.exists():
                parent.mkdir(exist_ok=True)
                self._made.append(parent)

    def _remove_parents(self) -> None:
        """Remove the parents made for this result, where nothing else has come to live in them."""
        with suppress(OSError):
            for parent in reversed(self._made):
                parent.rmdir()

    def _sweep(self) -> None:
        """Remove what killed runs left; put back a result whose replacement never came."""
        for old in self.target.parent.glob(f".{self.target.name}.*{_OLD}"):
            if self.target.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(self.target)
        for left in self.target.parent.glob(f".{self.target.name}.*{_PARTIAL}"):
            lock = _locked(left)
            if lock >= 0:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)

    def _place(self) -> None:
        aside = self._folder.with_suffix(_OLD)
        replaced = self.target.is_dir()
        if replaced:
            self.target.rename(aside)
        try:
            self._folder.rename(self.target)
        except OSError:
            if replaced:
                aside.rename(self.target)
            raise
        _sync(self.target.parent)
        if replaced:
            shutil.rmtree(aside, ignore_errors=True)


def _locked(folder: Path) -> int:
    """A descriptor that holds an exclusive lock on a folder, or -1 where another run holds it."""
    if fcntl is None:  # pragma: no cover
        return -1
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor


def _flush(folder: Path) -> None:
    """Have every file and folder on disk before the rename says that they are."""
    for path, _, files in os.walk(folder, topdown=False):
        for file in files:
            _sync(Path(path, file))
        _sync(Path(path))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
