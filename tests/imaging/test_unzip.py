"""Zips are unpacked whole and inside their folder, or not at all."""

import contextlib
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miap.errors import InputError
from miap.imaging import unzip as module
from miap.imaging.unzip import is_zip, unzip


def make(path: Path, members: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_files_keep_their_folders_and_contents(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"ct/1.dcm": b"one", "pet/deep/2.dcm": b"two", "empty/": b""})
    files = unzip(path, tmp_path / "into")
    assert files == [tmp_path / "into/ct/1.dcm", tmp_path / "into/pet/deep/2.dcm"]
    assert [file.read_bytes() for file in files] == [b"one", b"two"]


def test_a_small_zip_may_grow_as_much_as_it_likes(tmp_path: Path) -> None:
    (file,) = unzip(make(tmp_path / "a.zip", {"mask.nii": b"\0" * 10_000_000}), tmp_path / "into")
    assert file.stat().st_size == 10_000_000


def test_a_zip_is_told_by_its_content_or_name(tmp_path: Path) -> None:
    assert is_zip(make(tmp_path / "study", {"a": b"b"}))
    (tmp_path / "text.zip").write_text("no zip")
    assert is_zip(tmp_path / "text.zip")
    (tmp_path / "a.dcm").write_text("no zip")
    assert not is_zip(tmp_path / "a.dcm")


def link(path: Path) -> None:
    member = zipfile.ZipInfo("link.dcm")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "/etc/passwd")


def twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.dcm", b"two")


def file_and_folder(path: Path) -> None:
    make(path, {"a": b"one", "a/b": b"two"})


def file_and_deeper_folder(path: Path) -> None:
    make(path, {"a": b"one", "a/b/c": b"two"})


def name_in_no_alphabet(path: Path) -> None:
    make(path, {"é.dcm": b"x"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))


def packed(method: int) -> Callable[[Path], None]:
    def pack(path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a.dcm", b"x" * 100)

    return pack


def truncated(path: Path) -> None:
    make(path, {"a.dcm": bytes(range(256)) * 100})
    path.write_bytes(path.read_bytes()[:-30])


def corrupt(path: Path) -> None:
    make(path, {"a.dcm": bytes(range(256)) * 100})
    content = bytearray(path.read_bytes())
    content[60:100] = b"\xff" * 40
    path.write_bytes(content)


def encrypted(path: Path) -> None:
    make(path, {"a.dcm": b"x" * 100})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def understated(path: Path) -> None:
    """The directory says 10 bytes, the member inflates to a million."""
    make(path, {"a.dcm": b"\0" * 1_000_000})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(content)


def misdirected(path: Path) -> None:
    """The directory places a member before the file's beginning."""
    make(path, {"a.dcm": b"x" * 100})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x05\x06") + 16, 2**20)
    path.write_bytes(content)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "leads up": (
        lambda path: make(path, {"ok.dcm": b"", "../evil.dcm": b"x"}),
        r"'\.\./evil.dcm', which leads outside",
    ),
    "leads up within": (lambda path: make(path, {"a/../../evil.dcm": b"x"}), "leads outside"),
    "leads up on Windows": (lambda path: make(path, {"a\\..\\..\\evil.dcm": b"x"}), "leads outside"),
    "absolute": (lambda path: make(path, {"/tmp/evil.dcm": b"x"}), "leads outside"),
    "absolute on Windows": (lambda path: make(path, {"C:/evil.dcm": b"x"}), "leads outside"),
    "a share": (lambda path: make(path, {"\\\\server\\share\\evil.dcm": b"x"}), "leads outside"),
    "no name": (lambda path: make(path, {".": b"x"}), "leads outside"),
    "a link": (link, "link"),
    "another zip": (lambda path: make(path, {"inner.ZIP": b"x"}), "another archive"),
    "a tar": (lambda path: make(path, {"inner.tar.gz": b"x"}), "another archive"),
    "one name twice": (twice, "two files of one name"),
    "a file that is a folder": (file_and_folder, "two files of one name"),
    "a file that is a folder of folders": (file_and_deeper_folder, "two files of one name"),
    "a name in no alphabet": (name_in_no_alphabet, "damaged"),
    "packed by LZMA": (packed(zipfile.ZIP_LZMA), "other than Deflate"),
    "packed by bzip2": (packed(zipfile.ZIP_BZIP2), "other than Deflate"),
    "empty": (lambda path: make(path, {}), "empty zip"),
    "text": (lambda path: path.write_text("no zip"), "damaged"),
    "truncated": (truncated, "damaged"),
    "corrupt": (corrupt, "damaged"),
    "encrypted": (encrypted, "encrypted"),
    "misdirected": (misdirected, "points outside"),
    "understated": (understated, "damaged"),
    "a name too long": (lambda path: make(path, {"x" * 300: b"x"}), "a name too long"),
}


@pytest.mark.req("REQ-NF-S-002")
@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_bad_zips_are_refused_by_name_with_a_remedy(
    spoil: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "study.zip"
    spoil(path)
    with pytest.raises(InputError, match=message) as caught:
        unzip(path, tmp_path / "inside" / "into")
    assert str(path) in caught.value.message
    assert caught.value.remedy
    assert not list(tmp_path.rglob("evil.dcm"))
    assert {file.name for file in tmp_path.iterdir()} <= {"study.zip", "inside"}


@pytest.mark.req("REQ-NF-S-002")
@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [("MAX_FILES", 2, "3 files"), ("MAX_BYTES", 1000, "GiB"), ("FREE_BYTES", 1000, "fold")],
)
def test_bombs_are_refused_before_anything_is_written(
    limit: str, value: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, value)
    path = make(tmp_path / "bomb.zip", {"a": b"\0" * 100_000, "b": b"\0" * 100_000, "c": b"\0"})
    with pytest.raises(InputError, match=message):
        unzip(path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@settings(max_examples=60, deadline=None)
@given(name=st.text(alphabet="ab./\\:~ ", min_size=1, max_size=12))
def test_no_name_leads_outside(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("zip")
    path = make(folder / "a.zip", {name: b"x"})
    try:
        files = unzip(path, folder / "into")
    except InputError:
        return
    assert all((folder / "into").resolve() in file.resolve().parents for file in files)
    assert {file.name for file in folder.iterdir()} <= {"a.zip", "into"}


@pytest.mark.req("REQ-NF-S-002")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    value=st.integers(0, 255),
)
def test_damage_anywhere_is_survived_or_refused(
    method: int, places: list[float], value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No damage to a zip makes anything but files or an `InputError`."""
    folder = tmp_path_factory.mktemp("fuzz")
    with zipfile.ZipFile(folder / "a.zip", "w", method) as archive:
        for index in range(3):
            archive.writestr(f"é/{index}.dcm", bytes(range(256)) + b"\0" * 200)
    content = bytearray((folder / "a.zip").read_bytes())
    for place in places:
        content[int(place * len(content))] = value
    (folder / "a.zip").write_bytes(content)
    with contextlib.suppress(InputError):
        assert all((folder / "into") in file.parents for file in unzip(folder / "a.zip", folder / "into"))
    assert {file.name for file in folder.iterdir()} <= {"a.zip", "into"}
