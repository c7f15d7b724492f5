"""Fenced blocks of Markdown pages, and the commands in them.

How the documentation is tested:

- ``python`` blocks run, and what they print must be what ``#>`` lines after a ``print`` say (pytest-examples);
- ``console`` blocks run too: each ``$ miap …`` in turn, in the folder the page's other blocks use. Lines without ``$``
  must appear in what the command prints. ``# exit code N`` after a command says that it must fail so;
- in ``bash`` blocks, which need data, time or another program, every ``miap …`` must parse: its options exist.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))

_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"#\s*exit code (\d+)")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its opening fence, from 1."""

    page: Path
    line: int
    language: str
    text: str

    def commands(self) -> Iterator["Command"]:
        """The ``miap`` commands in it."""
        lines = self.text.splitlines()
        starts = [n for n, text in enumerate(lines) if re.match(r"(\$ )?miap ", text)]
        for start, stop in pairwise([*starts, len(lines)]):
            words = shlex.split(lines[start].removeprefix("$ "), comments=True)
            said = _EXIT.search(lines[start])
            output = [text for text in lines[start + 1 : stop] if text.strip()] if self.language == "console" else []
            before = [word for word in words if word in (">", "|", "2>")]
            arguments = words[1 : words.index(before[0])] if before else words[1:]
            yield Command(tuple(arguments), int(said[1]) if said else 0, tuple(output))


@dataclass(frozen=True)
class Command:
    """A ``miap`` command: its arguments, how it ends, and lines it prints."""

    arguments: tuple[str, ...]
    exit_code: int
    output: tuple[str, ...]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's blocks in these languages, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _BLOCK.finditer(text)
        if match[1] in languages
    ]


def name(page: Path) -> str:
    """The page as people refer to it."""
    return page.relative_to(ROOT).as_posix()
