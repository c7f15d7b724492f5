from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import reference

from tests.docs.blocks import ROOT

PAGES = ROOT / "docs" / "reference"

pytestmark = pytest.mark.req("REQ-NF-M-001")


@pytest.fixture
def page() -> Callable[[str], str]:
    """A reference page as the site shows it."""
    return lambda name: reference.on_page_markdown((PAGES / name).read_text(encoding="utf-8"))


def test_every_setting_is_documented(page: Callable[[str], str]) -> None:
    from miap.settings import Settings

    rows = [line for line in page("settings.md").splitlines() if line.startswith("| `MIAP_")]
    assert len(rows) == len(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description and len(field.description) > 15, f"setting {name} has no description"
        (row,) = [row for row in rows if row.startswith(f"| `MIAP_{name.upper()}` | `{name}` |")]
        assert row.endswith(f"| {field.description} |")


def test_every_command_and_option_is_documented(page: Callable[[str], str]) -> None:
    import typer.main

    from miap.cli.main import app

    text = page("command-line.md")

    def walk(command: Any, words: str) -> None:
        below = getattr(command, "commands", None)
        if below:
            for name, sub in below.items():
                walk(sub, f"{words} {name}")
            return
        section = text.partition(f"## {words}\n")[2].partition("\n## ")[0]
        assert section, f"{words} is not documented"
        for parameter in command.params:
            assert all(f"`{word}" in section or f" {word}" in section for word in parameter.opts), (
                words,
                parameter.opts,
            )
            assert parameter.help, f"{words}: {parameter.opts} has no help"

    walk(typer.main.get_command(app), "miap")
    assert "## miap models show" in text


def test_every_field_of_the_findings_is_documented(page: Callable[[str], str]) -> None:
    import json

    schema = json.loads((ROOT / "src/miap/findings/findings.schema.json").read_text())
    text = page("findings.md")
    for part in (schema, schema["$defs"]["lesion"], schema["$defs"]["suv"], schema["properties"]["quality"]):
        for name in part["properties"]:
            assert f"| `{name}` |" in text


def test_every_field_of_the_manifest_is_documented(page: Callable[[str], str]) -> None:
    from miap.outputs.manifest import Manifest

    manifest = Manifest(datetime.now(UTC), (), (), {}, {}, {}, "cpu", "fp32").to_json()
    text = page("manifest.md")
    for name in set(manifest) - {"schema"}:
        assert f"`{name}`" in text, f"{name} is not documented"
    assert manifest["schema"] in text


def test_every_exit_code_is_documented_with_its_error(page: Callable[[str], str]) -> None:
    from miap.errors import InputError, MiapError, NoModelError, UsageError

    text = page("exit-codes.md")
    for kind in (MiapError, UsageError, InputError, NoModelError):
        assert f"| {kind.exit_code} | `{kind.__name__}` |" in text


def test_every_key_of_a_recipe_and_of_a_bundle_is_documented(page: Callable[[str], str]) -> None:
    from dataclasses import fields

    from miap.imaging.preparation import Channel, Preparation
    from miap.inference.bundle import Card
    from miap.training.config import TrainConfig

    recipe, bundle = page("recipe.md"), page("bundle.md")
    for name in TrainConfig.model_fields:
        assert f"| `{name}` |" in recipe
    for part in (*fields(Preparation), *fields(Channel)):
        assert part.name in recipe.partition("### preparation")[2]
    for name, field in Card.model_fields.items():
        (row,) = [line for line in bundle.splitlines() if line.startswith(f"| `{field.alias or name}` |")]
        assert name == "schema_" or not row.endswith("|  |"), f"{name} has no meaning in Card's docstring"


def test_every_network_of_the_registry_is_documented(page: Callable[[str], str]) -> None:
    from miap.networks.registry import FACTORIES

    listed = page("recipe.md").partition("### Networks")[2]
    assert {line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")} == set(FACTORIES)


def test_every_marker_in_a_page_can_be_filled() -> None:
    used = {
        match[1]
        for file in (ROOT / "docs").rglob("*.md")
        for match in reference.MARKER.finditer(file.read_text(encoding="utf-8"))
    }
    assert used == set(reference.FILLERS)


def test_an_unknown_marker_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no-such-thing"):
        reference.on_page_markdown("<!-- miap:no-such-thing -->")
