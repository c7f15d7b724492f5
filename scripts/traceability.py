"""Requirement -> design -> code -> test -> result, from ``docs/traceability.toml`` and the tests' ``req`` marks.

    python scripts/traceability.py            # write docs/traceability.md
    python scripts/traceability.py --check    # fail if something is wrong or the page is stale
    python scripts/traceability.py --tests    # print every test of every requirement with its last result

Marks are read from the source text, so nothing is imported. The committed page depends on the table alone, so that a
new test does not make it stale; the built documentation adds the tests with their last results (`evidence`), taken
from the JUnit file of ``make test`` where there is one.
"""

import argparse
import ast
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".pytest_cache" / "results.xml"
EVIDENCE = "<!-- miap:evidence -->"


@dataclass(frozen=True)
class Requirement:
    """One requirement: what it is called, where it is designed and built, and whether work on it has begun."""

    id: str
    title: str
    design: str
    code: tuple[str, ...]
    status: Literal["begun", "not yet"]


@dataclass(frozen=True, order=True)
class Mark:
    """A test that says which requirement it verifies; ``test`` is ``name`` or ``Class::name``."""

    requirement: str
    file: str
    test: str


def requirements(root: Path = ROOT) -> dict[str, Requirement]:
    """All requirements by identifier, as the table beside the documentation has them."""
    table = tomllib.loads((root / "docs" / "traceability.toml").read_text(encoding="utf-8"))
    return {key: Requirement(key, **{**entry, "code": tuple(entry["code"])}) for key, entry in table.items()}


def marks(root: Path = ROOT) -> list[Mark]:
    """Every ``req`` mark of the tests, in order of requirement, file and test."""
    found = {
        mark
        for file in (root / "tests").rglob("test_*.py")
        for mark in _marks_in(ast.parse(file.read_text(encoding="utf-8")), file.relative_to(root).as_posix())
    }
    return sorted(found)


def problems(known: dict[str, Requirement], found: list[Mark]) -> list[str]:
    """What is wrong, in sentences: a mark with an unknown identifier, or a requirement begun without any test."""
    tested = {mark.requirement for mark in found}
    unknown = [
        f"{mark.file}::{mark.test} names {mark.requirement}, which docs/traceability.toml does not know."
        for mark in found
        if mark.requirement not in known
    ]
    untested = [
        f"{requirement.id} has begun but no test carries its mark."
        for requirement in known.values()
        if requirement.status == "begun" and requirement.id not in tested
    ]
    return unknown + untested


def page(known: dict[str, Requirement]) -> str:
    """The page as it is committed."""
    rows = [
        f"| [{r.id}](requirements.md#{r.id.lower()}) {r.title} | [{r.design}]({r.design}) "
        f"| {_code(r.code)} | {r.status} |"
        for r in known.values()
    ]
    return "\n".join(
        [
            "# Traceability",
            "",
            "Requirement → design → code → test → result. Written by `python scripts/traceability.py`; do not edit.",
            "A requirement that has begun and has no test fails the build. The tests and their last results follow the",
            "table in the built documentation, and come from `python scripts/traceability.py --tests`.",
            "",
            "| requirement | design | code | status |",
            "|---|---|---|---|",
            *rows,
            "",
            EVIDENCE,
            "",
        ]
    )


def evidence(known: dict[str, Requirement], found: list[Mark], results: Path = RESULTS) -> str:
    """Every test of every requirement with its last result."""
    outcomes = _outcomes(results) if results.is_file() else {}
    lines = ["## Tests and their last results", ""]
    if not outcomes:
        lines += ["`make test` has not been run here, so no results are shown.", ""]
    for requirement in known.values():
        own = [mark for mark in found if mark.requirement == requirement.id]
        if own:
            lines += [f"### {requirement.id} {requirement.title}", ""]
            lines += [f"- `{m.file}::{m.test}`{_said(outcomes.get((m.file, m.test)))}" for m in own]
            lines.append("")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` say whether it is right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is stale")
    parser.add_argument("--tests", action="store_true", help="write nothing; print the tests and their last results")
    options = parser.parse_args(arguments)
    known, found = requirements(), marks()
    faults, target = problems(known, found), ROOT / "docs" / "traceability.md"
    content = page(known)
    if options.tests:
        print(evidence(known, found))
    elif not options.check:
        target.write_text(content, encoding="utf-8")
    elif not target.is_file() or target.read_text(encoding="utf-8") != content:
        faults.append("docs/traceability.md is stale: run python scripts/traceability.py.")
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


def _marks_in(tree: ast.Module, file: str) -> Iterator[Mark]:
    everywhere = _pytestmark(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            shared = [*everywhere, *_pytestmark(node), *_named(node.decorator_list)]
            yield from _marks_of(node.body, shared, file, f"{node.name}::")
    yield from _marks_of(tree.body, everywhere, file, "")


def _marks_of(body: list[ast.stmt], shared: list[str], file: str, prefix: str) -> Iterator[Mark]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for name in [*shared, *_named(node.decorator_list)]:
                yield Mark(name, file, prefix + node.name)


def _pytestmark(node: ast.Module | ast.ClassDef) -> list[str]:
    values = [
        statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets)
    ]
    return _named(values)


def _named(expressions: list[ast.expr]) -> list[str]:
    """Identifiers in any ``….req("…")`` within these expressions, also within ``pytest.param(…, marks=…)``."""
    calls = [node for expression in expressions for node in ast.walk(expression) if isinstance(node, ast.Call)]
    return [
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "req"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _outcomes(results: Path) -> dict[tuple[str, str], Counter[str]]:
    """How often each test function passed, failed or was skipped over its parameters."""
    outcomes: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for case in ET.parse(results).iter("testcase"):
        module, _, class_name = case.get("classname", "").partition(".Test")
        test = case.get("name", "").partition("[")[0]
        name = f"Test{class_name}::{test}" if class_name else test
        bad = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        outcomes[f"{module.replace('.', '/')}.py", name][outcome] += 1
    return dict(outcomes)


def _said(outcome: Counter[str] | None) -> str:
    if outcome is None:
        return ""
    if len(outcome) == 1 and outcome.total() == 1:
        return f" — {next(iter(outcome))}"
    return " — " + ", ".join(f"{outcome[word]} {word}" for word in ("failed", "passed", "skipped") if outcome[word])


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


if __name__ == "__main__":
    sys.exit(main())
