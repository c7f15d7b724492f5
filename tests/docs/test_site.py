import logging
import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

FETCHED = re.compile(r"""<(?:script|img|iframe|source)[^>]+\bsrc=["'](https?:)?//|@import\s+(?:url\()?["']?https?:""")
LINKED = re.compile(r"""<link(?=[^>]+rel=["'](?:stylesheet|preconnect|preload)["'])[^>]+href=["'](?:https?:)?//""")


@pytest.mark.req("REQ-NF-M-001")
def test_the_site_builds_strictly_and_fetches_nothing_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mkdocstrings_handlers.python", reason="the docs extra is not installed")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    with caplog.at_level(logging.WARNING, logger="mkdocs"):
        build(config)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not FETCHED.search(text) and not LINKED.search(text), page
        assert "<!-- miap:" not in text, page
    commands = (tmp_path / "site" / "reference" / "command-line" / "index.html").read_text()
    assert "--overwrite" in commands
    python = (tmp_path / "site" / "reference" / "python" / "index.html").read_text()
    assert "miap.imaging.volume.Volume" in python and "same_grid" in python
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:", style.read_text(encoding="utf-8")), style
