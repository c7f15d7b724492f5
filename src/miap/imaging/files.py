"""The files that the paths of a case stand for."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from miap.errors import InputError
from miap.imaging.dicomdir import is_dicomdir, listed_files
from miap.imaging.nifti import is_nifti
from miap.imaging.unzip import is_zip, unzip

_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Contents:
    """Files by what they claim to be. ``given`` are those the caller named one by one."""

    nifti: tuple[Path, ...]
    others: tuple[Path, ...]
    given: frozenset[Path]


def contents(paths: Iterable[Path], workdir: Path) -> Contents:
    """All files in folders, zips and among the paths themselves, each once.

    Args:
        paths: Folders, files and zips.
        workdir: Where zips are unpacked, each in a folder of its own with the zip's name.

    Raises:
        InputError: A path isn't there, or a zip cannot be trusted.
    """
    found: dict[Path, Path] = {}
    given = set()
    for index, path in enumerate(paths):
        if path.is_file() and is_zip(path):
            files = unzip(path, workdir / f"{index}" / path.name)
        else:
            files = files_below(path)
            if files == [path]:
                given.add(path)
        for file in files:
            found.setdefault(file.resolve(), file)
    files = list(found.values())
    nifti = tuple(file for file in files if is_nifti(file))
    return Contents(nifti, tuple(file for file in files if not is_nifti(file)), frozenset(given))


def files_below(path: Path) -> list[Path]:
    """A file itself, the files a DICOMDIR lists, or all in a folder and below it, sorted.

    Hidden files and the desktop's litter are skipped.

    Raises:
        InputError: There is nothing at ``path``, or a DICOMDIR lists what is not there.
    """
    if is_dicomdir(path):
        return listed_files(path)
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
