"""A zip unpacked with suspicion: it comes from outside, and its directory is a list of claims."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from miap.errors import InputError

MAX_FILES = 100_000
"""Most files a zip may hold."""
MAX_BYTES = 32 * 2**30
"""Most bytes it may unpack to."""
MAX_RATIO = 100
"""Most it may grow by; images deflate to a half or a tenth."""
FREE_BYTES = 256 * 2**20
"""Up to this size any growth is allowed: an empty mask deflates to nothing."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, IndexError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile raises on a zip that is not what it says; ValueError for a name in no alphabet."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What may be unpacked: LZMA lets a zip ask for gigabytes of memory, and scanners write neither it nor bzip2."""
_NESTED = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")


def is_zip(path: Path) -> bool:
    """Whether a file is a zip, or named as one."""
    return path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)


def unzip(path: Path, into: Path) -> list[Path]:
    """Unpack a zip into a new folder and return its files, sorted.

    Args:
        path: The zip.
        into: Folder to make; nothing is written outside it.

    Raises:
        InputError: It is damaged, encrypted or empty, unpacks to too much, or holds a name that leads elsewhere, a link
            or another archive. The message names the member.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_size(path, members)
            targets = [into / _safe_name(path, member) for member in members]
            for member, target in zip(members, targets, strict=True):
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file, 2**20)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path} holds two files of one name.", remedy="Zip the study again.") from error
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged or cut short ({error}).", remedy="Copy or zip it again.") from error
    return sorted(targets)


def _check_size(path: Path, members: list[zipfile.ZipInfo]) -> None:
    # zipfile reads no more of a member than its directory entry claims, so the claims are the bound.
    total = sum(member.file_size for member in members)
    packed = path.stat().st_size
    if any(not 0 <= member.header_offset < packed for member in members):
        raise zipfile.BadZipFile("its directory points outside it")
    if not members:
        raise InputError(f"{path} is an empty zip.", remedy="Zip the study again.")
    if len(members) > MAX_FILES or total > MAX_BYTES:
        raise InputError(
            f"{path} unpacks to {len(members)} files and {total / 2**30:.1f} GiB; "
            f"at most {MAX_FILES} and {MAX_BYTES / 2**30:.0f} GiB are taken.",
            remedy="Send one study at a time.",
        )
    if total > FREE_BYTES and total > MAX_RATIO * packed:
        raise InputError(
            f"{path} would grow {total / packed:.0f}-fold: no study does.", remedy="Send a folder instead."
        )


def _safe_name(path: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(member.filename)
    windows = PureWindowsPath(member.filename)
    if not name.parts or name.is_absolute() or windows.drive or windows.root or ".." in (*name.parts, *windows.parts):
        raise InputError(
            f"{path} holds {member.filename!r}, which leads outside it.", remedy="Zip the study's folder again."
        )
    if max(len(part.encode()) for part in name.parts) > 255 or len(member.filename) > 1000:
        raise InputError(f"{path} holds a name too long: {member.filename[:60]}…", remedy="Zip it with shorter names.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{path} holds the link {member.filename!r}.", remedy="Zip the files, not links to them.")
    if member.flag_bits & 1:
        raise InputError(f"{path} is encrypted.", remedy="Unpack it and give the folder.")
    if member.compress_type not in _METHODS:
        raise InputError(f"{path} is packed by a method other than Deflate.", remedy="Zip it with the usual settings.")
    if member.filename.lower().endswith(_NESTED):
        raise InputError(f"{path} holds another archive, {member.filename!r}.", remedy="Unpack it first.")
    return name
