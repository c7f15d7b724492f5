"""The loop: it learns, repeats itself, resumes where it was, and never sees the fold left out."""

from pathlib import Path

import pytest
import torch

from miap.training.config import OptimiserConfig
from miap.training.datalist import Datalist
from miap.training.loop import learning_rate, train_fold
from tests.bundles import recipe
from tests.training.cases import write_cases


@pytest.fixture
def datalist(tmp_path: Path) -> Datalist:
    return Datalist.load(write_cases(tmp_path))


def _same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.req("REQ-F-001")
def test_the_loss_falls(datalist: Datalist, tmp_path: Path) -> None:
    losses: list[float] = []
    config = recipe(iterations=30, optimiser={"warmup_iterations": 2, "learning_rate": 0.01})
    train_fold(config, datalist, 0, tmp_path / "run", report=lambda _, loss: losses.append(loss))
    assert len(losses) == 30
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.req("REQ-F-001")
def test_one_seed_gives_one_network(datalist: Datalist, tmp_path: Path) -> None:
    first = train_fold(recipe(), datalist, 0, tmp_path / "a")
    assert _same(first, train_fold(recipe(), datalist, 0, tmp_path / "b"))
    assert not _same(first, train_fold(recipe(seed=1), datalist, 0, tmp_path / "c"))


class Killed(Exception):
    pass


@pytest.mark.req("REQ-NF-R-002")
def test_a_killed_run_resumes_to_the_same_weights(datalist: Datalist, tmp_path: Path) -> None:
    undisturbed = train_fold(recipe(), datalist, 0, tmp_path / "a")
    seen: list[int] = []

    def die(iteration: int, loss: float) -> None:
        if iteration == 5:
            raise Killed

    with pytest.raises(Killed):
        train_fold(recipe(), datalist, 0, tmp_path / "b", report=die)
    resumed = train_fold(recipe(), datalist, 0, tmp_path / "b", report=lambda i, _: seen.append(i))
    assert seen == [5, 6]
    assert _same(undisturbed, resumed)


def test_a_finished_run_is_not_trained_again(datalist: Datalist, tmp_path: Path) -> None:
    first = train_fold(recipe(), datalist, 0, tmp_path / "a")
    seen: list[int] = []
    assert _same(first, train_fold(recipe(), datalist, 0, tmp_path / "a", report=lambda i, _: seen.append(i)))
    assert seen == []


def test_without_resume_a_run_starts_again(datalist: Datalist, tmp_path: Path) -> None:
    seen: list[int] = []
    for _ in range(2):
        train_fold(recipe(), datalist, 0, tmp_path / "a", resume=False, report=lambda i, _: seen.append(i))
    assert seen == [*range(1, 7)] * 2


@pytest.mark.req("REQ-F-001")
def test_the_left_out_fold_is_never_read(datalist: Datalist, tmp_path: Path) -> None:
    training, left_out = datalist.split(0)
    for case in left_out:
        for file in (*case.images.values(), case.label):
            file.unlink()
    assert training
    train_fold(recipe(iterations=2), datalist, 0, tmp_path / "run")


def test_the_learning_rate_warms_up_and_decays_to_zero() -> None:
    schedule = OptimiserConfig(learning_rate=1.0, warmup_iterations=10)
    rates = [learning_rate(schedule, i, 110) for i in range(110)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == max(rates) == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.5)
    assert rates[109] == pytest.approx(0.0, abs=1e-3)


def test_each_cycle_runs_the_whole_schedule_again() -> None:
    once, twice = OptimiserConfig(warmup_iterations=10), OptimiserConfig(warmup_iterations=10, cycles=2)
    rates = [learning_rate(twice, i, 200) for i in range(200)]
    assert rates[:100] == rates[100:] == [learning_rate(once, i, 100) for i in range(100)]
