import ast
from pathlib import Path

import pytest
import traceability
from traceability import Mark, Requirement

from tests.docs.blocks import ROOT

TESTS = """
import pytest
pytestmark = [pytest.mark.req("REQ-A")]

@pytest.mark.req("REQ-B", "REQ-C")
def test_plain(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.req("REQ-D"))])
def test_with_a_marked_parameter(x): ...

@pytest.mark.req("REQ-E")
class TestGroup:
    pytestmark = pytest.mark.req("REQ-F")

    @pytest.mark.req("REQ-G")
    async def test_inside(self): ...

def helper(): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a table and one test file."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "traceability.toml").write_text(
        '[REQ-A]\ntitle = "First"\ndesign = "index.md"\ncode = ["a.b"]\nstatus = "begun"\n'
        '[REQ-B]\ntitle = "Second"\ndesign = "index.md"\ncode = []\nstatus = "not yet"\n'
    )
    (tmp_path / "tests" / "room").mkdir(parents=True)
    (tmp_path / "tests" / "room" / "test_it.py").write_text(TESTS)
    return tmp_path


def test_marks_are_found_wherever_pytest_takes_them(project: Path) -> None:
    found = {(mark.test, mark.requirement) for mark in traceability.marks(project)}
    assert found == {
        ("test_plain", "REQ-A"),
        ("test_plain", "REQ-B"),
        ("test_plain", "REQ-C"),
        ("test_with_a_marked_parameter", "REQ-A"),
        ("test_with_a_marked_parameter", "REQ-D"),
        *(("TestGroup::test_inside", f"REQ-{letter}") for letter in "AEFG"),
    }


def test_an_unknown_identifier_and_a_requirement_without_a_test_are_problems() -> None:
    known = {"REQ-A": Requirement("REQ-A", "First", "index.md", (), "begun")}
    assert traceability.problems(known, [Mark("REQ-A", "f", "t")]) == []
    unknown, untested = traceability.problems(known, [Mark("REQ-Z", "tests/test_x.py", "test_y")])
    assert unknown == "tests/test_x.py::test_y names REQ-Z, which docs/traceability.toml does not know."
    assert untested == "REQ-A has begun but no test carries its mark."


def test_the_page_shows_design_code_and_status_of_every_requirement(project: Path) -> None:
    page = traceability.page(traceability.requirements(project))
    assert "| [REQ-A](requirements.md#req-a) First | [index.md](index.md) | `a.b` | begun |" in page
    assert "| [REQ-B](requirements.md#req-b) Second | [index.md](index.md) | – | not yet |" in page
    assert traceability.EVIDENCE in page


def test_the_tests_can_be_printed_without_writing_anything(capsys: pytest.CaptureFixture[str]) -> None:
    before = (ROOT / "docs" / "traceability.md").read_bytes()
    traceability.main(["--tests"])
    said = capsys.readouterr().out
    assert "### REQ-NF-M-001" in said and "tests/docs/test_traceability.py::test_every_mark_is_known" in said
    assert (ROOT / "docs" / "traceability.md").read_bytes() == before


def test_the_evidence_counts_results_over_parameters(project: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    results.write_text(
        '<testsuites><testsuite><testcase classname="tests.room.test_it" name="test_plain[1]"/>'
        '<testcase classname="tests.room.test_it" name="test_plain[2]"><failure/></testcase>'
        '<testcase classname="tests.room.test_it.TestGroup" name="test_inside"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    text = traceability.evidence(traceability.requirements(project), traceability.marks(project), results)
    assert "- `tests/room/test_it.py::test_plain` — 1 failed, 1 passed" in text
    assert "- `tests/room/test_it.py::TestGroup::test_inside` — skipped" in text
    without = traceability.evidence(traceability.requirements(project), [], tmp_path / "none.xml")
    assert "has not been run here" in without


@pytest.mark.req("REQ-NF-M-001")
def test_every_mark_is_known_every_begun_requirement_has_a_test_and_the_page_is_fresh(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert traceability.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told_and_mended(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(traceability, "requirements", lambda: {"REQ-A": Requirement("REQ-A", "F", "x.md", (), "begun")})
    monkeypatch.setattr(traceability, "marks", lambda: [Mark("REQ-A", "tests/room/test_it.py", "test_plain")])
    monkeypatch.setattr(traceability, "ROOT", project)
    assert traceability.main(["--check"]) == 1
    assert "stale: run python scripts/traceability.py" in capsys.readouterr().err
    assert traceability.main([]) == 0
    assert traceability.main(["--check"]) == 0


def test_the_table_names_every_requirement_and_only_what_exists() -> None:
    known = traceability.requirements()
    page = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert [line.split("</span>")[1].split(" |")[0] for line in page.splitlines() if "<span id" in line] and all(
        f'<span id="{identifier.lower()}"></span>{identifier} |' in page for identifier in known
    )
    for requirement in known.values():
        assert requirement.status in ("begun", "not yet")
        assert (ROOT / "docs" / requirement.design).is_file(), requirement.id
        assert bool(requirement.code) or requirement.status == "not yet", requirement.id
        for module in requirement.code:
            path = ROOT / "src" / module.replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_test_names_are_unique_within_a_file() -> None:
    for file in (ROOT / "tests").rglob("test_*.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        names = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
        assert len(names) == len(set(names)), file
