"""The conformance statement says what the program does."""

import conformance
import pytest
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from miap.imaging.header import IMAGE_CLASSES

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-NF-M-001")]


def test_the_statement_is_what_the_program_says_and_stale_ones_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = conformance.page()
    assert conformance.PAGE.read_text(encoding="utf-8") == made, "run python scripts/conformance.py"
    monkeypatch.setattr(conformance, "page", lambda: made + "more")
    assert conformance.main(["--check"]) == 1
    assert "stale: run python scripts/conformance.py" in capsys.readouterr().err


def test_the_statement_names_all_that_is_read_and_written() -> None:
    text = conformance.PAGE.read_text(encoding="utf-8")
    for uid in (*IMAGE_CLASSES, ExplicitVRLittleEndian, JPEGLosslessSV1, JPEG2000Lossless, HTJ2KLossless, RLELossless):
        assert f"| `{uid}` |" in text, uid
    for kind in conformance.KINDS.values():
        assert f"#### {kind}\n" in text
    assert "Written: none." in text, "no private attribute is written"
    assert "PHANTOM" not in text
