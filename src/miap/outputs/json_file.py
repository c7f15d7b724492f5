"""JSON files that people can read and every parser accepts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miap.errors import InputError


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON: UTF-8, two spaces of indent, keys in the order given, a newline at the end.

    Raises:
        ValueError: A number is not finite, which JSON cannot say (RFC 8259, 6).
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: The file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON file ({error}).", remedy="Mend or remove it.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object.", remedy="Mend or remove it.")
    return content
