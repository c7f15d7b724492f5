"""The frame every page of the report has: who, what it is not, and which page of how many."""

from datetime import datetime
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from miap.outputs.fonts import BOLD, REGULAR, markup
from miap.outputs.picture import DISCLAIMER

MARGIN = 15 * mm
HEADER, FOOTER = 14 * mm, 13 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, DIM, RULE, ACCENT = HexColor("#16202b"), HexColor("#5b6875"), HexColor("#d5dbe1"), HexColor("#0b6e99")
_IDENTITY = ParagraphStyle("identity", fontName=REGULAR, fontSize=8, leading=10, textColor=DIM, alignment=TA_RIGHT)


class PageCanvas(Canvas):
    """A canvas that knows how many pages there are when it draws the frame of each.

    Args:
        subject: Identity line at the top of each page.
        when: Time of the analysis, in the frame and in the file's metadata.
    """

    def __init__(self, *args: Any, subject: str, when: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self._subject, self._when = subject, when
        self._pages: list[dict[str, Any]] = []
        self.setDateFormatter(lambda *_: _pdf_date(when))

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page until their number is known."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        """Draw every page's frame and write the file."""
        total = len(self._pages)
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._frame(number, total)
            super().showPage()
        super().save()

    def _frame(self, number: int, total: int) -> None:
        width, height = A4
        self.setStrokeColor(RULE)
        self.setLineWidth(0.6)
        self.line(MARGIN, height - HEADER, width - MARGIN, height - HEADER)
        self.line(MARGIN, FOOTER, width - MARGIN, FOOTER)
        self.setFillColor(ACCENT)
        self.setFont(BOLD, 9)
        self.drawString(MARGIN, height - HEADER + 5, "MIAP")
        self.setFillColor(DIM)
        self.setFont(REGULAR, 8)
        self.drawString(MARGIN + 30, height - HEADER + 5, "Automated lesion analysis")
        line = Paragraph(markup(self._subject), _IDENTITY)
        line.wrap(WIDTH * 0.66, HEADER)
        line.drawOn(self, width - MARGIN - WIDTH * 0.66, height - HEADER + 3)
        self.drawString(MARGIN, FOOTER - 11, DISCLAIMER)
        self.drawCentredString(width / 2 + 10, FOOTER - 11, spoken(self._when))
        self.drawRightString(width - MARGIN, FOOTER - 11, f"Page {number} of {total}")


def spoken(when: datetime) -> str:
    """A time as people read it, with its zone where it has one."""
    return when.strftime("%Y-%m-%d %H:%M %Z").strip()


def _pdf_date(when: datetime) -> str:
    """PDF 32000-1, 7.9.4: with the offset from UTC where the time has one."""
    zone = when.strftime("%z")
    return when.strftime("D:%Y%m%d%H%M%S") + (f"{zone[:3]}'{zone[3:5]}'" if zone else "")
