"""The files a DICOMDIR lists: the directory of a disc, PS3.3 F."""

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from miap.errors import InputError
from miap.imaging.header import is_dicom, read_header, sop_class


def is_dicomdir(path: Path) -> bool:
    """Whether a file is the directory of a disc."""
    return path.name.upper() == "DICOMDIR" and path.is_file() and is_dicom(path)


def listed_files(path: Path) -> list[Path]:
    """The files a DICOMDIR names, sorted; upper and lower case of their names do not matter.

    Raises:
        InputError: It is no directory, names a file outside its folder, or one that is not there.
    """
    directory = read_header(path)
    if sop_class(directory) != MediaStorageDirectoryStorage:
        raise InputError(f"{path} is no DICOMDIR.", remedy="Give the study's folder.")
    found, missing = [], []
    for parts in _file_ids(directory):
        if not parts or any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
            raise InputError(f"{path} names a file outside its folder: {'/'.join(parts)}.", remedy="Give the folder.")
        file = _below(path.parent, parts)
        if file is None:
            missing.append("/".join(parts))
        else:
            found.append(file)
    if missing:
        raise InputError(
            f"{len(missing)} of the {len(missing) + len(found)} files that {path} lists are missing, "
            f"the first is {missing[0]}.",
            remedy="Copy the whole disc, or give the folder to use what is there.",
        )
    if not found:
        raise InputError(f"{path} lists no file.", remedy="Give the study's folder.")
    return sorted(set(found))


def _file_ids(directory: Dataset) -> Iterator[list[str]]:
    for record in directory.get("DirectoryRecordSequence") or []:
        parts = record.get("ReferencedFileID")
        if parts:
            yield [parts] if isinstance(parts, str) else [str(part) for part in parts]


def _below(folder: Path, parts: list[str]) -> Path | None:
    """The file, whatever the case of its name: discs are copied by systems that change it."""
    path = folder
    for part in parts:
        exact = path / part
        if not exact.exists():
            same = [one for one in path.iterdir() if one.name.lower() == part.lower()] if path.is_dir() else []
            if len(same) != 1:
                return None
            exact = same[0]
        path = exact
    return path if path.is_file() else None
