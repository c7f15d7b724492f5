import sys
from pathlib import Path

import pytest
from pytest_examples import EvalExample, find_examples

from tests.docs.blocks import PAGES, Block, Command, blocks, name

WITH_EXAMPLES = [page for page in PAGES if blocks(page, "python", "console")]


def _needs_models(page: Path) -> bool:
    return any(
        c.arguments[:1] == ("analyze",) and not c.exit_code for b in blocks(page, "console") for c in b.commands()
    )


@pytest.mark.req("REQ-NF-M-001")
@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=name(p), marks=[pytest.mark.slow] if _needs_models(p) else []) for p in WITH_EXAMPLES],
)
def test_the_examples_of_a_page_run_and_print_what_they_say(
    page: Path,
    eval_example: EvalExample,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if _needs_models(page):
        _skip_without_models()
    monkeypatch.delenv("MIAP_MODELS", raising=False)
    monkeypatch.setenv("MIAP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    eval_example.set_config(line_length=120, target_version="py311")
    python = {example.start_line: example for example in find_examples(page)}
    known: dict[str, object] = {}
    for block in blocks(page, "python", "console"):
        if block.language == "console":
            for command in block.commands():
                _run(command, block, monkeypatch, capsys)
        elif eval_example.update_examples:
            known = eval_example.run_print_update(python[block.line], module_globals=known)
        else:
            known = eval_example.run_print_check(python[block.line], module_globals=known)


def _run(command: Command, block: Block, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from miap.cli.main import main

    monkeypatch.setattr(sys, "argv", ["miap", *command.arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    where = f"{name(block.page)}:{block.line}: miap {' '.join(command.arguments)}"
    assert (ended.value.code or 0) == command.exit_code, f"{where} ended with {ended.value.code}\n{out}{err}"
    for line in command.output:
        assert line in out + err, f"{where} does not print {line!r}"


def _skip_without_models() -> None:
    from miap.inference.bundle import find_bundles

    if "sarcoma-petct" not in find_bundles(()):
        pytest.skip("the starter models are not in this checkout")
