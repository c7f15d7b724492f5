"""What the report promises: the numbers, who it is, what it is not, on every page, whatever the names hold."""

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC

import pydicom
import pytest
from PIL import Image

from miap.findings.lesion import Quality
from miap.outputs.encapsulated import write_encapsulated_pdf
from miap.outputs.fonts import markup
from miap.outputs.report import Report, write_pdf
from miap.outputs.subject import Subject, person_name

pytestmark = [pytest.mark.req("REQ-F-002"), pytest.mark.req("REQ-F-007")]

CARD = {
    "title": "Soft-tissue sarcoma",
    "intended_use": "Research on sarcoma in adults.",
    "limits": ["Not for children.", "Misses small tumours."],
    "licence": "Apache-2.0",
    "citation": "Vallières 2015",
}


@pytest.fixture
def report(petct, synthetic):
    picture = Image.new("RGB", (1600, 600), "#203040")
    return Report(
        findings=petct.findings,
        subject=Subject.from_series(petct.series),
        overview=picture,
        key_images=[picture.resize((800, 200))] * 2,
        model=synthetic.model | CARD,
        when=synthetic.when,
        details={"CT": "series 3, 30 slices"},
    )


def text_of(path, *options):
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext (Debian package poppler-utils) is not installed")
    return subprocess.run([program, *options, path, "-"], capture_output=True, text=True, check=True).stdout


def pages_of(path):
    return text_of(path, "-layout").split("\f")[:-1]


def test_the_first_page_holds_headline_identity_and_every_measurement(tmp_path, report):
    write_pdf(tmp_path / "r.pdf", report)
    first = pages_of(tmp_path / "r.pdf")[0]
    for expected in ("2 lesions, 11.4 ml", "Quality: please review", "Émile, Zoë", "P-0042", "1961-02-03, female",
                     "2026-11-01", "A-99", "PET/CT whole body", "sarcoma-petct 1.2.0", "2026-11-23 14:05",
                     "Lesion 2 touches the border", "Research on sarcoma in adults.", "Misses small tumours."):  # fmt: skip  # noqa: E501
        assert expected in first
    row = next(line for line in first.splitlines() if line.split()[:2] == ["1", "tumour"])
    assert row.split() == ["1", "tumour", "9.1", "32.0", "22.0", "9.1", "8.8", "8.9", "7.4", "65.1", "91"]


def test_every_page_says_what_it_is_not_who_it_is_and_its_number(tmp_path, report):
    write_pdf(tmp_path / "r.pdf", report)
    pages = pages_of(tmp_path / "r.pdf")
    assert len(pages) >= 2
    for number, page in enumerate(pages, 1):
        assert "Not a medical device. Research use only." in page
        assert f"Page {number} of {len(pages)}" in page
        assert "P-0042" in page
        assert "2026-11-23" in page


def test_later_pages_say_how_it_was_made(tmp_path, report):
    write_pdf(tmp_path / "r.pdf", report)
    rest = " ".join(" ".join(pages_of(tmp_path / "r.pdf")[1:]).split())
    for expected in ("Soft-tissue sarcoma, version 1.2.0", "ab" * 32, "Apache-2.0", "Vallières 2015",
                     "series 3, 30 slices", "segment 1.5 s", "agreement 0.93",
                     "tumour 1, 9.1 ml, 32 × 22 mm, SUVmax 9.1, confidence 91 %", "touches the border of the image",
                     "RECIST"):  # fmt: skip
        assert expected in rest


def test_the_same_report_gives_the_same_bytes_and_the_file_knows_its_date(tmp_path, report):
    for name in ("a.pdf", "b.pdf"):
        write_pdf(tmp_path / name, report)
    written = (tmp_path / "a.pdf").read_bytes()
    assert written == (tmp_path / "b.pdf").read_bytes()
    assert b"D:20261123140509" in written
    assert b"/Lang (en)" in written


def test_a_time_with_a_zone_is_told_with_it(tmp_path, report):
    write_pdf(tmp_path / "r.pdf", replace(report, when=report.when.replace(tzinfo=UTC)))
    assert b"D:20261123140509+00'00'" in (tmp_path / "r.pdf").read_bytes()
    assert "2026-11-23 14:05 UTC" in text_of(tmp_path / "r.pdf")


def test_fonts_are_embedded(tmp_path, report):
    if shutil.which("pdffonts") is None:
        pytest.skip("pdffonts (Debian package poppler-utils) is not installed")
    write_pdf(tmp_path / "r.pdf", replace(report, subject=replace(report.subject, name="Émile Ζωή Иван")))
    listed = subprocess.run(["pdffonts", tmp_path / "r.pdf"], capture_output=True, text=True, check=True).stdout
    fonts = [line for line in listed.splitlines()[2:] if "DejaVu" in line]
    assert fonts
    assert all(line.split()[-5] == "yes" for line in fonts)


@pytest.mark.parametrize(
    "name",
    [
        "<b>bold</b> & <font size=90>huge</font>",
        "</para><img src='file:///etc/passwd'/>",
        "A" * 400,
        "x " * 300,
        "山田 太郎 やまだ",
        "홍길동",
        "Иван Ζωή",
        "\x00\x1b[31m\u202eevil\ufffe",
        "",
    ],
)
def test_no_name_breaks_the_report(tmp_path, report, name):
    odd = Subject(name, name, name, name, name, name, name)
    lesions = tuple(replace(one, label=name or "tumour", flags=(name,)) for one in report.findings.lesions)
    findings = replace(report.findings, lesions=lesions, quality=Quality("review", (name,), {}))
    write_pdf(tmp_path / "r.pdf", replace(report, subject=odd, findings=findings, details={name: name}))
    text = text_of(tmp_path / "r.pdf")
    assert "2 lesions" in text
    if "<" in name:
        assert name.split()[0] in text.replace("\n", "")


def test_many_lesions_flow_over_pages_with_the_table_head_repeated(tmp_path, report):
    many = tuple(replace(report.findings.lesions[0], id=n) for n in range(1, 121))
    write_pdf(tmp_path / "r.pdf", replace(report, findings=replace(report.findings, lesions=many)))
    pages = pages_of(tmp_path / "r.pdf")
    assert sum("SUVmax" in page.split("Lesions")[0] and "TLG" in page for page in pages) >= 3
    assert "118 more" in " ".join(pages)


def test_no_lesion_is_said_in_words(tmp_path, report, synthetic, petct):
    findings = synthetic.without_lesions(petct).findings
    write_pdf(tmp_path / "r.pdf", replace(report, findings=findings, key_images=[]))
    text = " ".join(text_of(tmp_path / "r.pdf").split())
    assert "No lesion found" in text
    assert "This does not rule disease out." in text
    assert "Quality checks passed" in text


def test_a_nifti_case_has_no_identity_and_says_so(tmp_path, report, synthetic):
    write_pdf(tmp_path / "r.pdf", replace(report, subject=Subject(), model=synthetic.model))
    text = text_of(tmp_path / "r.pdf")
    assert "the images carry no identity" in text
    assert "Intended use" not in text


@pytest.mark.parametrize(
    ("dicom", "shown"),
    [
        ("Doe^Jane^Q^Dr^PhD", "Doe, Dr Jane Q PhD"),
        ("Yamada^Hanako=山田^花子=やまだ^はなこ", "Yamada, Hanako (山田 花子)"),
        ("=山田^花子", "山田 花子"),
        ("Doe", "Doe"),
        ("", ""),
    ],
)
def test_person_names_are_written_as_people_write_them(dicom, shown):
    assert person_name(dicom) == shown


def test_a_subject_takes_what_the_header_has(synthetic):
    series = synthetic.slices(synthetic.affine_of())
    header = series.instances[0]
    assert Subject.from_series(series).name == "Émile, Zoë (山田 太郎)"
    del header.PatientName, header.PatientSex
    with pydicom.config.disable_value_validation():
        header.PatientBirthDate = "about 1960"
    subject = Subject.from_series(series)
    assert (subject.name, subject.sex, subject.birth_date) == ("", "", "about 1960")


def test_markup_shows_east_asian_text_in_fonts_that_have_it():
    assert 'name="HeiseiKakuGo-W5">山田' in markup("山田 やまだ")
    assert "HYGothic-Medium" in markup("홍길동")
    assert "STSong-Light" in markup("王小明")
    assert markup("a\x07<b>") == "a&lt;b&gt;"


def test_the_encapsulated_pdf_is_valid_and_holds_the_report(tmp_path, report, petct, synthetic, verify):
    write_pdf(tmp_path / "r.pdf", report)
    write_encapsulated_pdf(
        tmp_path / "r.dcm", tmp_path / "r.pdf", petct.series, petct.findings, model=synthetic.model, when=synthetic.when
    )
    wrapped, pdf = pydicom.dcmread(tmp_path / "r.dcm"), (tmp_path / "r.pdf").read_bytes()
    assert wrapped.EncapsulatedDocument[: wrapped.EncapsulatedDocumentLength] == pdf
    assert wrapped.StudyInstanceUID == petct.series.instances[0].StudyInstanceUID
    assert wrapped.PatientName == petct.series.instances[0].PatientName
    assert len(wrapped.SourceInstanceSequence) == len(petct.series.instances)
    assert wrapped.ContentDate == "20261123"
    assert verify(tmp_path / "r.dcm") == []


def test_the_encapsulated_pdf_is_the_same_each_time(tmp_path, report, petct, synthetic):
    write_pdf(tmp_path / "r.pdf", report)
    for name in ("a.dcm", "b.dcm"):
        write_encapsulated_pdf(
            tmp_path / name, tmp_path / "r.pdf", petct.series, petct.findings, model=synthetic.model,
            when=synthetic.when,
        )  # fmt: skip
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_what_is_no_pdf_is_not_wrapped(tmp_path, petct, synthetic):
    from miap.errors import InputError

    (tmp_path / "r.pdf").write_text("hello")
    with pytest.raises(InputError, match="not a PDF"):
        write_encapsulated_pdf(
            tmp_path / "r.dcm", tmp_path / "r.pdf", petct.series, petct.findings, model=synthetic.model,
            when=synthetic.when,
        )  # fmt: skip
