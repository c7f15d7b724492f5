"""What tests of images share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from miap.imaging.case import Case, assemble


@pytest.fixture
def case_of(tmp_path: Path) -> Callable[..., Case]:
    """`assemble` with a folder to unpack in."""
    return lambda *paths, named=None, series=None: assemble(
        paths, named or {}, series or {}, workdir=tmp_path / "workdir"
    )
