import re
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import ROOT

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = re.findall(r"^## .+$", (FOLDER / "template.md").read_text(), re.MULTILINE)


@pytest.mark.req("REQ-NF-M-001")
@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_says_everything_the_template_asks_for(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.findall(r"^## .+$", text, re.MULTILINE) == SECTIONS
    assert text.startswith(f"# {record.stem[:4]}. ")
    assert re.search(r"^- Status: (proposed|accepted|replaced by \[\d{4}\])", text, re.MULTILINE)
    assert re.search(r"^- Built: (yes|in part|not yet)", text, re.MULTILINE)
    bodies = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.split()) >= 5 for body in bodies)


def test_decisions_are_numbered_without_gaps_and_listed_with_their_state() -> None:
    assert [record.stem[:4] for record in RECORDS] == [f"{n:04}" for n in range(1, len(RECORDS) + 1)]
    listed = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| .+ \| (.+) \|$", (FOLDER / "index.md").read_text(), re.MULTILINE)
    assert [file for _, file, _ in listed] == [record.name for record in RECORDS]
    for _, file, built in listed:
        assert f"- Built: {built}" in (FOLDER / file).read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())

    def files(node: object) -> set[str]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return {str(node)} if children is None else set().union(*map(files, children))

    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert files(config["nav"]) == pages - {"decisions/template.md"}
