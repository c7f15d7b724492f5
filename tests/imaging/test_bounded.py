"""A claimed length allocates nothing."""

import resource
import struct
from pathlib import Path

import pytest

from miap.errors import InputError
from miap.imaging.bounded import BoundedFile
from miap.imaging.header import read_header


def test_a_file_is_read_as_any_other(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    path = tmp_path / "file"
    path.write_bytes(content)
    with BoundedFile(path) as file:
        assert file.read(10) == content[:10]
        assert file.read(2**40) == content[10:]
        assert file.read(2**40) == b""
        file.seek(-5, 2)
        assert file.read() == content[-5:]
        file.seek(0)
        assert file.read(None) == content


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.req("REQ-NF-S-002")
def test_an_element_that_claims_four_gigabytes_is_refused_without_them(tmp_path: Path) -> None:
    path = tmp_path / "claim.dcm"
    path.write_bytes(bytes(128) + b"DICM" + struct.pack("<HH2sHI", 0x0029, 0x1010, b"UN", 0, 0xFFFFFFF0) + b"xx")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 2**30, before[1]))
    try:
        with pytest.raises(InputError, match=r"claim\.dcm"):
            read_header(path)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
