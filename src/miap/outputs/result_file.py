"""A result file, and what goes beside it, that appears whole or not at all."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from miap.errors import UsageError


class ResultFile:
    """Collects a file and its companions in a folder beside the target and moves them there when all went well.

    Use it as a context manager; it gives a folder to write the target into, under its own name, and companions (a JSON
    beside an image). When the block ends, all are flushed to disk and moved, the target last; when the block raises,
    nothing is left and nothing changed.

    Args:
        target: The file to make.
        overwrite: Whether files that are there are replaced.

    Raises:
        UsageError: The target or a companion is there and ``overwrite`` is not set, or nothing can be made there.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        self.target = target.resolve()
        self.overwrite = overwrite

    def __enter__(self) -> Path:
        self._refuse(self.target)
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            made = tempfile.mkdtemp(prefix=f".{self.target.name}.", suffix=".partial", dir=self.target.parent)
        except OSError as error:
            raise UsageError(
                f"No file {self.target} can be made: {error.strerror}.", remedy="Name one where you may write."
            ) from error
        self._folder = Path(made)
        return self._folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                made = sorted(self._folder.iterdir(), key=lambda file: (file.name == self.target.name, file.name))
                for file in made:
                    self._refuse(self.target.with_name(file.name))
                    with file.open("rb") as stream:
                        os.fsync(stream.fileno())
                for file in made:
                    os.replace(file, self.target.with_name(file.name))
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _refuse(self, file: Path) -> None:
        if file.is_dir():
            raise UsageError(f"{file} is a folder, not a file.", remedy="Name a file for the result.")
        if file.exists() and not self.overwrite:
            raise UsageError(f"{file} is there already.", remedy="Name another, or allow overwriting.")
