from typing import Any

import pytest
import typer.main

from tests.docs.blocks import PAGES, ROOT, Block, blocks, name

COMMANDS = [
    pytest.param(block, id=f"{name(page)}:{block.line}")
    for page in [*PAGES, ROOT / "README.md"]
    for block in blocks(page, "bash", "console")
    if any(block.commands())
]


@pytest.mark.req("REQ-NF-M-001")
@pytest.mark.parametrize("block", COMMANDS)
def test_every_command_in_the_documentation_has_options_that_exist(block: Block) -> None:
    from miap.cli import commands
    from miap.cli.main import app

    assert commands.__all__
    for command in block.commands():
        target: Any = typer.main.get_command(app)
        words = list(command.arguments)
        while words and words[0] in getattr(target, "commands", {}):
            target = target.commands[words.pop(0)]
        assert not getattr(target, "commands", None), f"{block.page}: there is no command {command.arguments}"
        target.make_context("miap", words)
