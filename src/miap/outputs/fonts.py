"""Fonts of the PDF report: DejaVu Sans, embedded, and stand-ins for scripts it lacks."""

import re
import unicodedata
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from miap.outputs.rtl import visual

REGULAR, BOLD = "MiapSans", "MiapSans-Bold"
_FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
_JAPANESE, _KOREAN, _CHINESE = "HeiseiKakuGo-W5", "HYGothic-Medium", "STSong-Light"
_KANA = re.compile("[\u3040-\u30ff\uff66-\uff9f]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_EAST_ASIAN = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+")


@cache
def register() -> None:
    """Make the fonts known to reportlab, once.

    DejaVu Sans (free licence; shipped with matplotlib) covers Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and
    Arabic letters and is embedded. Chinese, Japanese and Korean use the standard CID fonts that PDF viewers bring.
    """
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, folder / file))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    for name in (_JAPANESE, _KOREAN, _CHINESE):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def markup(text: str) -> str:
    """Any text as reportlab paragraph markup that shows exactly it: escaped, control characters out, fonts set."""
    shown = "".join(c for c in str(text) if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return _EAST_ASIAN.sub(
        lambda run: f'<font name="{_east_asian_font(shown)}">{run.group()}</font>', escape(visual(shown))
    )


def _east_asian_font(text: str) -> str:
    if _KANA.search(text):
        return _JAPANESE
    return _KOREAN if _HANGUL.search(text) else _CHINESE
