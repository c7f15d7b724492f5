"""The report for people: a PDF with the result on one page, then the key images and how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import Image as Picture
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from miap import __version__
from miap.findings.lesion import Findings, Lesion
from miap.outputs.fonts import BOLD, REGULAR, markup, register
from miap.outputs.page import ACCENT, DIM, FOOTER, HEADER, INK, MARGIN, RULE, WIDTH, PageCanvas, spoken
from miap.outputs.picture import headline, summary
from miap.outputs.subject import Subject

_PADDING = 6
"""What reportlab's frame keeps free on each side."""
_TALLEST = 330
"""Height of a picture, points."""
_LONGEST = 100
"""Characters shown of a name or description."""
_AMBER, _GREEN = HexColor("#9a5b00"), HexColor("#1a7f37")
_AMBER_BACK, _GREEN_BACK, _ZEBRA = HexColor("#fff4de"), HexColor("#e6f6ea"), HexColor("#f5f7f9")


def _style(name: str, size: float, color: Color = INK, align: Literal[0, 2] = TA_LEFT) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=REGULAR, fontSize=size, leading=size * 1.35, textColor=color, alignment=align, splitLongWords=1
    )


_BODY = _style("body", 9)
_SMALL = _style("small", 8, DIM)
_CELL = _style("cell", 8.5)
_NUMBER = _style("number", 8.5, align=TA_RIGHT)
_HEAD = _style("head", 7.5, DIM, TA_RIGHT)
_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=20, leading=25, textColor=INK)
_HEADING = ParagraphStyle(
    "heading", fontName=BOLD, fontSize=12, leading=16, textColor=ACCENT, spaceBefore=10, spaceAfter=4
)


@dataclass(frozen=True)
class Report:
    """What a report says.

    Args:
        findings: Lesions and quality.
        subject: Patient and study.
        overview: The picture of page 1.
        key_images: One picture a lesion, in the order of the findings; it may stop before them.
        model: At least ``name`` and ``version``; shown where present: ``title``, ``sha256``, ``intended_use``,
            ``limits`` (a sentence or several), ``licence``, ``citation``.
        details: More rows for *How this was made*, for example the series used and the device.
        when: Time of the analysis.
    """

    findings: Findings
    subject: Subject
    overview: Picture.Image
    key_images: Sequence[Picture.Image]
    model: Mapping[str, Any]
    when: datetime
    details: Mapping[str, str] = field(default_factory=dict)


def write_pdf(path: Path, report: Report) -> None:
    """Write a report as PDF; the same report gives the same bytes.

    Args:
        path: The file to write.
        report: What to say. Any text may hold any character: markup in it is shown, not obeyed.
    """
    register()
    story: list[Flowable] = [
        *_result(report),
        *_lesions(report),
        *_quality(report.findings),
        *_made(report),
        *_reading(uptake=any(lesion.uptake for lesion in report.findings.lesions)),
    ]
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=MARGIN - _PADDING, rightMargin=MARGIN - _PADDING, topMargin=HEADER + 8, bottomMargin=FOOTER + 6,
        title=f"MIAP lesion analysis: {headline(report.findings)}",
        author=f"MIAP {__version__}",
        subject="Automated lesion analysis. Research use only.",
        creator=f"MIAP {__version__}",
        lang="en",
        invariant=1,
    )  # fmt: skip
    identity = ", ".join(_clipped(part, 28) for part in (report.subject.name, report.subject.patient_id) if part)
    document.build(story, canvasmaker=partial(PageCanvas, subject=identity, when=report.when))


def _result(report: Report) -> list[Flowable]:
    findings = report.findings
    good = findings.quality.status == "good"
    verdict = "Quality checks passed" if good else "Quality: please review"
    chip = ParagraphStyle(
        "chip", parent=_CELL, textColor=_GREEN if good else _AMBER, backColor=_GREEN_BACK if good else _AMBER_BACK,
        borderPadding=5, fontName=BOLD, leading=11,
    )  # fmt: skip
    story: list[Flowable] = [
        Spacer(0, 4),
        Table(
            [[Paragraph(headline(findings), _TITLE), Paragraph(verdict, chip)]],
            colWidths=(WIDTH * 0.58, WIDTH * 0.42),
            style=[("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (0, 0), 0)],
        ),
        Spacer(0, 4),
        _identity(report),
        Spacer(0, 8),
        _picture(report.overview, WIDTH, _TALLEST),
        Spacer(0, 8),
    ]  # fmt: skip
    story += [Paragraph(f"• {markup(flag)}", _BODY) for flag in findings.quality.flags[:4]]
    if findings.lesions:
        story += [Spacer(0, 6), _lesion_table(findings.lesions)]
    else:
        story.append(Paragraph("The model found no lesion in this study. This does not rule disease out.", _BODY))
    if use := report.model.get("intended_use"):
        story += [Spacer(0, 6), Paragraph(f"<b>Intended use.</b> {markup(use)}", _SMALL)]
    if limits := _sentences(report.model.get("limits", "")):
        story.append(Paragraph(f"<b>Limits.</b> {markup(limits)}", _SMALL))
    return story


def _identity(report: Report) -> Table:
    subject = report.subject
    if subject == Subject():
        return _pairs([[("Patient", "not known: the images carry no identity"), ("Analysed", spoken(report.when))]])
    return _pairs([
        [("Patient", subject.name), ("Study", subject.study)],
        [("Patient ID", subject.patient_id), ("Study date", subject.study_date)],
        [("Born, sex", ", ".join(part or "–" for part in (subject.birth_date, subject.sex))),
         ("Accession", subject.accession)],
        [("Model", f"{report.model['name']} {report.model['version']}"), ("Analysed", spoken(report.when))],
    ])  # fmt: skip


def _pairs(rows: Sequence[Sequence[tuple[str, str]]]) -> Table:
    cells = [
        [
            Paragraph(markup(_clipped(text)) or "–", style)
            for name, value in row
            for text, style in ((name, _SMALL), (value, _CELL))
        ]
        for row in rows
    ]
    return Table(cells, colWidths=[WIDTH * share for share in (0.11, 0.41, 0.12, 0.36)], style=[
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("LINEABOVE", (0, 0), (-1, 0), 0.6, RULE), ("LINEBELOW", (0, -1), (-1, -1), 0.6, RULE),
    ])  # fmt: skip


def _lesion_table(lesions: Sequence[Lesion]) -> Table:
    uptake = any(lesion.uptake for lesion in lesions)
    heads = ["No.", "Label", "Volume\nml", "Longest\nmm", "Short\naxis mm"]
    heads += ["SUVmax", "SUVmean", "SUVpeak", "MTV\nml", "TLG\ng"] if uptake else []
    heads += ["Confid.\n%", "Flag"]
    shares = [6, 16, 10, 10, 10, *([11, 12, 12, 9, 9] if uptake else []), 9, 7]
    rows: list[list[object]] = [[Paragraph(head.replace("\n", "<br/>"), _SMALL if i in (0, 1) else _HEAD)
                                 for i, head in enumerate(heads)]]  # fmt: skip
    for lesion in lesions:
        values = [lesion.volume_ml, lesion.longest.length_mm, lesion.perpendicular.length_mm]
        texts = [f"{value:.1f}" for value in values]
        if uptake:
            texts += _uptake_texts(lesion)
        texts += [f"{100 * lesion.confidence:.0f}", "!" if lesion.flags else ""]
        rows.append([Paragraph(str(lesion.id), _CELL), Paragraph(markup(lesion.label), _CELL),
                     *(Paragraph(text, _NUMBER) for text in texts)])  # fmt: skip
    return Table(rows, colWidths=[WIDTH * share / sum(shares) for share in shares], repeatRows=1, style=[
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"), ("VALIGN", (0, 1), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 4), ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), (None, _ZEBRA)),
    ])  # fmt: skip


def _uptake_texts(lesion: Lesion) -> list[str]:
    if lesion.uptake is None:
        return [""] * 5
    values = lesion.uptake
    return [f"{value:.1f}" for value in (values.suv_max, values.suv_mean, values.suv_peak, values.mtv_ml, values.tlg_g)]


def _lesions(report: Report) -> list[Flowable]:
    """One row of key images a lesion."""
    story: list[Flowable] = []
    lesions = report.findings.lesions
    if report.key_images:
        story += [PageBreak(), Paragraph("Lesions", _HEADING)]
    for lesion, picture in zip(lesions, report.key_images, strict=False):
        row: list[Flowable] = [Paragraph(f"<b>{markup(summary(lesion))}</b>", _BODY), Paragraph(_place(lesion), _SMALL)]
        row += [Paragraph(f"! {markup(flag)}", _BODY) for flag in lesion.flags]
        story.append(KeepTogether([*row, Spacer(0, 3), _picture(picture, WIDTH, _TALLEST), Spacer(0, 9)]))
    left = len(lesions) - len(report.key_images)
    if report.key_images and left > 0:
        story.append(Paragraph(f"{left} more, smaller, in the table and in findings.json.", _SMALL))
    return story


def _place(lesion: Lesion) -> str:
    places = zip(lesion.centroid_mm, ("LR", "PA", "SI"), strict=True)
    centre = ", ".join(f"{abs(mm):.0f} mm {letters[mm < 0]}" for mm, letters in places)
    extent = " × ".join(f"{mm:.0f}" for mm in lesion.extent_mm)
    return f"Centre in patient coordinates {centre}; extent {extent} mm."


def _quality(findings: Findings) -> list[Flowable]:
    quality = findings.quality
    said = (
        "All checks passed." if quality.status == "good" else "A person should look at this result before it is used."
    )
    story: list[Flowable] = [CondPageBreak(90), Paragraph("Quality", _HEADING), Paragraph(said, _BODY)]
    story += [Paragraph(f"• {markup(flag)}", _BODY) for flag in quality.flags]
    if quality.measures:
        measures = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in quality.measures.items())
        story.append(Paragraph(markup(f"Measures: {measures}."), _SMALL))
    return story


def _made(report: Report) -> list[Flowable]:
    model = report.model
    rows = {
        "Model": f"{model.get('title', model['name'])}, version {model['version']}",
        "Model hash": str(model.get("sha256", "")),
        "Licence": str(model.get("licence", "")),
        "Citation": str(model.get("citation", "")),
        **report.details,
        "Software": f"MIAP {__version__}",
        "Time": ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.findings.timing_s.items()),
    }
    cells = [[Paragraph(markup(name), _SMALL), Paragraph(markup(text), _CELL)] for name, text in rows.items() if text]
    table = Table(cells, colWidths=(WIDTH * 0.16, WIDTH * 0.84), style=[
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 2), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2), ("LINEBELOW", (0, 0), (-1, -1), 0.3, RULE),
    ])  # fmt: skip
    return [CondPageBreak(120), Paragraph("How this was made", _HEADING), table]


def _sentences(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _reading(*, uptake: bool) -> list[Flowable]:
    text = (
        "<b>Longest</b> and <b>short axis</b> are the longest diameter of the lesion within a slice and the longest at "
        "right angles to it in the same slice (RECIST 1.1). <b>Confidence</b> is the model's probability that the "
        "lesion is real. Axial and coronal pictures show the patient's right on the left."
    )
    if uptake:
        text += (
            " <b>SUV</b> is by body weight; <b>SUVpeak</b> is the highest mean of a 1 ml sphere (PERCIST); <b>MTV</b> "
            "is the part of the lesion at or above 41 % of its SUVmax, and <b>TLG</b> that volume times its mean SUV."
        )
    return [KeepTogether([Paragraph("How to read this", _HEADING), Paragraph(text, _SMALL)])]


def _picture(picture: Picture.Image, widest: float, highest: float) -> Image:
    scale = min(widest / picture.width, highest / picture.height)
    data = BytesIO()
    picture.convert("RGB").save(data, "JPEG", quality=92, subsampling=0)
    data.seek(0)
    return Image(data, picture.width * scale, picture.height * scale)


def _clipped(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
