"""The study of both homes: what is kept of members, how they are averaged, and what is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.posterior.members import default_members
from bayes_scaling.validation.split import make_splits
from tests.studies import abroad
from tests.studies.abroad import judge, members_of
from tests.studies.homes import RATIOS, Case, load_cases
from tests.studies.kept_fits import Effort, Kept, Work, fits_model, mixed, read_average
from tests.studies.tasks import load_tasks
from tests.validation.oracle import simulated

EFFORT = Effort(draws=50)


def case(task: str = "one") -> Case:
    runs = simulated(("a",))
    (split,) = make_splits(runs, runs["flops"] < 2e20, runs["flops"] > 2e20, by=None)
    return Case(
        suite="deep home", group="all", tasks=np.full(len(split.targets), task), split=split
    )


def kept(found: Case, factor: float, failed: str = "") -> Kept:
    draws = factor * found.split.observed * np.exp(np.linspace(-0.01, 0.01, 50))[:, None]
    density = np.full(len(found.split.targets), np.log(factor))
    return Kept(draws=draws, log_density=density, failed=failed, seconds=2.0)


def keep(found: Case, name: str, factor: float, folder: Path, failed: str = "") -> None:
    said = kept(found, factor, failed)
    path = Work(case=found, model=load_model(name), effort=EFFORT, folder=folder).path
    path.parent.mkdir(parents=True)
    np.savez(path, draws=said.draws, log_density=said.log_density, failed=failed, seconds=2.0)


def test_an_average_is_read() -> None:
    assert read_average("auto").weights == {}
    assert read_average("coupled").weights == {"coupled": 1.0}
    mine = read_average("mine=coupled:2,own.toml")
    assert (mine.name, mine.weights) == ("mine", {"coupled": 2.0, "own.toml": 1.0})


def test_members_are_mixed_by_weight_without_those_that_failed() -> None:
    found = case()
    parts = [kept(found, 1.0), kept(found, 1.2), kept(found, 9.0, failed="ess")]
    said = mixed(parts, [3.0, 1.0, 5.0])
    assert (said.draws > 1.1 * found.split.observed).mean() == pytest.approx(0.25, abs=0.02)
    assert said.log_density == pytest.approx(np.log(0.75 + 0.25 * 1.2))
    assert not said.failed
    assert mixed(parts[2:], [1.0]).failed == "ess"


def test_what_is_kept_is_named_by_model_and_runs() -> None:
    one, again = case(), case()
    assert one.key == again.key
    paths = {
        Work(case=one, model=load_model(name), effort=effort, folder=Path("x")).path
        for name in ("coupled", "ceiling-tempered")
        for effort in (EFFORT, Effort(draws=60))
    }
    assert len(paths) == 4


@pytest.mark.skipif(load_tasks("score") is None, reason="the benchmark is not here")
def test_an_average_is_judged_by_what_is_kept(tmp_path: Path) -> None:
    found = case()
    keep(found, "coupled", 1.0, tmp_path)
    keep(found, "ceiling-tempered", 1.1, tmp_path, failed="ess")
    (rows,) = judge(read_average("coupled,ceiling-tempered"), [found], EFFORT, tmp_path).values()
    assert set(rows) == {"one", "MEAN"}
    assert rows["MEAN"]["bias"] == pytest.approx(0, abs=1e-4)
    assert (rows["MEAN"]["left out"], rows["MEAN"]["fits"]) == (1, 2)
    assert judge(read_average("chinchilla"), [found], EFFORT, tmp_path) == {}


def test_default_members_follow_the_runs_and_others_need_their_sizes() -> None:
    found = case()
    models = default_members(found.split.fitted)
    assert list(members_of(read_average("auto"), found)) == [model.id for model in models]
    assert not fits_model(found, load_model("moe"))
    assert members_of(read_average("moe,coupled"), found) == {}


def test_nano_lm_is_told_apart_by_ratio_and_below_its_limit() -> None:
    inner, outer = load_cases(["nano-lm below 1e12"]), load_cases(["nano-lm"])
    assert {task for each in outer for task in each.tasks} == {f"nano-lm {r:g}x" for r in RATIOS}
    assert max(each.split.targets["flops"].max() for each in inner) < 1.03e12
    assert len(inner) < len(outer)
    for each in outer:
        assert not np.isin(each.split.fitted.labels("purpose"), ("shape", "fixed-lr")).any()


def test_a_look_at_targets_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abroad, "FOLDER", tmp_path)
    abroad.note_look([read_average("coupled:2")], ["abroad"])
    assert "abroad: coupled:2 {'coupled': 2.0}" in (tmp_path / "looks.txt").read_text()
