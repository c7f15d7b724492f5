"""mkdocs hook: fills the places of the documentation that the program itself knows best.

A line ``<!-- miap:NAME -->`` in a page is replaced, when the site is built, by what `FILLERS[NAME]` returns. So the
reference can not fall behind the program.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import traceability
import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
MARKER = re.compile(r"^<!-- miap:([a-z-]+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with each page's text."""
    return MARKER.sub(lambda match: FILLERS[match[1]](), markdown)


def commands() -> str:
    """Every command with its arguments and options."""
    from miap.cli import commands as registered
    from miap.cli.main import app

    assert registered.__all__
    return "\n".join(line for name, command in _leaves(typer.main.get_command(app)) for line in _command(name, command))


def settings() -> str:
    """Every setting: variable, key of ``miap.toml``, type, default, meaning."""
    from miap.settings import Settings

    rows = []
    for name, field in Settings.model_fields.items():
        cells = [f"`MIAP_{name.upper()}`", f"`{name}`", _type(field.annotation), _default(field)]
        rows.append(f"| {' | '.join(cells)} | {_cell(field.description or '')} |")
    return _table("variable | in `miap.toml` | type | default | meaning", rows)


def recipe() -> str:
    """Every key of a training recipe, section by section."""
    from miap.training import config

    sections: dict[str, type[BaseModel]] = {"The recipe": config.TrainConfig, "network": config.NetworkConfig}
    sections |= {"augmentation": config.AugmentationConfig, "optimiser": config.OptimiserConfig}
    sections["card"] = config.CardConfig
    return "\n\n".join(f"### {name}\n\n{_summary(model)}\n\n{_fields(model)}" for name, model in sections.items())


def bundle_section() -> str:
    """Every key of the ``miap`` section of a bundle's metadata, explained by the class's own docstring."""
    from miap.inference.bundle import Card

    return _fields(Card, _attributes(Card))


def findings_schema() -> str:
    """The fields of ``findings.json`` from its JSON schema."""
    schema = json.loads((ROOT / "src/miap/findings/findings.schema.json").read_text(encoding="utf-8"))
    parts = {"The file": schema, "A lesion": schema["$defs"]["lesion"], "Uptake (`suv`)": schema["$defs"]["suv"]}
    parts["`quality`"] = schema["properties"]["quality"]
    return "\n\n".join(f"### {title}\n\n{_properties(part)}" for title, part in parts.items())


def inspect_schema() -> str:
    """The fields of ``miap inspect --json`` from its JSON schema."""
    schema = json.loads((ROOT / "src/miap/jobs/inspection.schema.json").read_text(encoding="utf-8"))
    named = {"A patient": "patient", "A study": "study", "A series": "series", "An object beside the images": "object"}
    named |= {"A NIfTI file": "nifti", "What is used for a role": "choice", "A model": "model", "A problem": "problem"}
    parts = {"The output": schema} | {title: schema["$defs"][name] for title, name in named.items()}
    return "\n\n".join(f"### {title}\n\n{_properties(part)}" for title, part in parts.items())


def exit_codes() -> str:
    """Exit codes from the errors that carry them."""
    from miap import errors

    kinds: list[type[errors.MiapError]] = [errors.MiapError, *errors.MiapError.__subclasses__()]
    kinds.sort(key=lambda kind: kind.exit_code)
    rows = [f"| {kind.exit_code} | `{kind.__name__}` | {_summary(kind)} |" for kind in kinds]
    return _table("code | error | meaning", ["| 0 | – | Done. |", *rows])


def evidence() -> str:
    """Every test of every requirement with its last result."""
    return traceability.evidence(traceability.requirements(), traceability.marks())


FILLERS: dict[str, Callable[[], str]] = {
    "bundle-section": bundle_section,
    "commands": commands,
    "evidence": evidence,
    "exit-codes": exit_codes,
    "findings-schema": findings_schema,
    "inspect-schema": inspect_schema,
    "recipe": recipe,
    "settings": settings,
}


def _leaves(command: Any, name: str = "miap") -> Iterator[tuple[str, Any]]:
    for word, below in getattr(command, "commands", {}).items():
        yield from _leaves(below, f"{name} {word}")
    if not getattr(command, "commands", None):
        yield name, command


def _command(name: str, command: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield from (f"## {name}", "", inspect.cleandoc(command.help or ""), "", f"```text\n{usage}\n```", "")
    records = [parameter.get_help_record(context) for parameter in command.params]
    yield _table(
        "argument or option | meaning", [f"| `{word}` | {_cell(text)} |" for word, text in filter(None, records)]
    )
    yield ""


def _fields(model: type[BaseModel], meanings: Mapping[str, str] | None = None) -> str:
    rows = []
    for name, field in model.model_fields.items():
        cells = [f"`{field.alias or name}`", _type(field.annotation), _default(field)]
        rows.append(f"| {' | '.join(cells + ([_cell(meanings.get(name, ''))] if meanings is not None else []))} |")
    return _table("key | type | default" + (" | meaning" if meanings is not None else ""), rows)


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Meaning of each field from the ``Attributes`` section of a Google docstring."""
    section = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")[2]
    return {
        name: " ".join(text.split())
        for name, text in re.findall(r"^ {4}(\w+): ((?:.+\n?(?: {8}.+\n?)*))", section, re.M)
    }


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined or isinstance(field.default, BaseModel):
        return "see below" if isinstance(field.default, BaseModel) else "–"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{json.dumps(value, default=str)}`" if value not in (None, []) else "–"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(annotation))
    plain = isinstance(annotation, type) and get_origin(annotation) is None
    return f"`{re.sub(r'(?:[a-z_]+[.])+', '', annotation.__name__ if plain else str(annotation))}`"


def _properties(schema: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_shape(value)} | {_cell(value.get('description', ''))} |"
        for name, value in schema["properties"].items()
    ]
    return _table("field | type | meaning", rows)


def _shape(value: Mapping[str, Any]) -> str:
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return " or ".join(f"`{json.dumps(one)}`" for one in value["enum"])
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(_shape(one) for one in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_shape(value['items'])}"
    return str(value.get("type", ""))


def _summary(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _cell(text: str) -> str:
    return re.sub(r"`{2,}", "`", text or "").replace("|", "\\|").replace("\n", " ")


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([f"| {head} |", "|" + "---|" * (head.count(" | ") + 1), *rows])


if __name__ == "__main__":
    print(FILLERS[sys.argv[1]]())
