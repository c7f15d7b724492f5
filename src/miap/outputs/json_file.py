"""JSON files that people can read and every parser accepts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON: UTF-8, two spaces of indent, keys in the order given, a newline at the end.

    Raises:
        ValueError: A number is not finite, which JSON cannot say (RFC 8259, 6).
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")
