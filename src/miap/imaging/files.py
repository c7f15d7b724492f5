"""The files a path stands for."""

import os
from pathlib import Path

from miap.errors import InputError

_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def files_below(path: Path) -> list[Path]:
    """A file itself, or all files in a folder and below it, sorted; hidden ones and the desktop's litter are skipped.

    Raises:
        InputError: There is nothing at ``path``.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"There is no file or folder at {path}.", remedy="Check the name.")
    found = []
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not _is_litter(name)]
        found += [Path(folder, name) for name in names if not _is_litter(name)]
    return sorted(file for file in found if file.is_file())


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name in _LITTER
