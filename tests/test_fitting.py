"""`bs.fit` takes runs first or the law first, and none, one or several laws."""

from __future__ import annotations

from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling import fitting, posterior
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior import Member
from tests.synthetic import synthetic_fit, synthetic_runs

RUNS = synthetic_runs(load_model("chinchilla"))
ONE = synthetic_fit().only


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any]]:
    """Which function is called, with which law and which runs."""
    found: list[tuple[str, Any, Any]] = []

    def law(model: Any, runs: Any, *_: Any, **__: Any) -> Member:
        found.append(("law", model, runs))
        return ONE

    def average(runs: Any, models: Any, *_: Any, **__: Any) -> Fit:
        found.append(("average", models, runs))
        return Fit.of_one(ONE)

    monkeypatch.setattr(fitting, "fit_law", law)
    monkeypatch.setattr(posterior, "fit_average", average)
    return found


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((RUNS,), ("average", None, RUNS)),
        (("sweep.csv",), ("average", None, "sweep.csv")),
        ((RUNS, "chinchilla"), ("law", "chinchilla", RUNS)),
        (("chinchilla", RUNS), ("law", "chinchilla", RUNS)),
        (("sweep.csv", "chinchilla"), ("law", "chinchilla", "sweep.csv")),
        (("chinchilla", "sweep.csv"), ("law", "chinchilla", "sweep.csv")),
        (("sweep.parquet", "mine.toml"), ("law", "mine.toml", "sweep.parquet")),
        ((RUNS, ["chinchilla", "coupled"]), ("average", ["chinchilla", "coupled"], RUNS)),
        ((["chinchilla", "coupled"], RUNS), ("average", ["chinchilla", "coupled"], RUNS)),
        ((load_model("coupled"), RUNS), ("law", load_model("coupled"), RUNS)),
        (({"formula": "E", "id": "x"}, RUNS), ("law", {"formula": "E", "id": "x"}, RUNS)),
    ],
)
def test_who_is_asked(
    called: list[tuple[str, Any, Any]], arguments: tuple[Any, ...], wanted: tuple[str, Any, Any]
) -> None:
    bs.fit(*arguments)
    assert called == [wanted]


def test_features_belong_to_one_law() -> None:
    with pytest.raises(InputError, match=r"drift, temper: of one law; name it"):
        bs.fit(RUNS, drift=True, temper=0.5)
    with pytest.raises(InputError, match="engine: of one law"):
        bs.fit(RUNS, ["chinchilla", "coupled"], engine="pymc")
