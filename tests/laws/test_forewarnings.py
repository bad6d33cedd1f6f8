"""What to know of runs before a fit is trusted: each trouble has a name and says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.forewarnings import Forewarning
from bayes_scaling.runs import RunTable


def one_ratio(count: int = 9) -> RunTable:
    params = np.geomspace(2e7, 8e8, count)
    columns = {"params": params, "tokens": 20 * params, "loss": np.linspace(4.6, 2.7, count)}
    return RunTable.from_columns(columns)


def told(model: str, runs: RunTable) -> dict[str, Forewarning]:
    return {each.about: each for each in make_design(load_model(model), runs).forewarnings}


def test_one_ratio_and_too_few_runs_are_two_troubles_each_with_advice() -> None:
    found = told("ceiling-drift", one_ratio())
    assert list(found) == ["few runs", "params with tokens"]
    assert found["few runs"].says.startswith("9 runs in the smallest group for the 11 parameters")
    assert found["few runs"].advice == "add 2 runs there, or more"
    tied = found["params with tokens"]
    assert "correlation 1.000), 20 tokens per parameter" in tied.says
    assert "the best split of a budget is what the prior says" in tied.says
    assert "1.26e+08 params on 8.4e+08 and on 7.6e+09 tokens" in tied.advice
    assert str(tied) == f"{tied.says}; {tied.advice}"


def test_advised_runs_do_untie_the_sizes() -> None:
    runs = one_ratio()
    columns = {
        "params": np.append(runs["params"], [1.26e8, 1.26e8]),
        "tokens": np.append(runs["tokens"], [8.4e8, 7.6e9]),
        "loss": np.append(runs["loss"], [3.6, 3.2]),
    }
    assert "params with tokens" not in told("coupled", RunTable.from_columns(columns))


@pytest.mark.parametrize("model", ["chinchilla", "coupled-drift-tempered"])
def test_a_law_that_reads_rates_is_named(model: str) -> None:
    size = np.repeat(np.arange(5), 3)
    columns = {
        "params": 1e8 * (1.0 + size),
        "tokens": 1e10 * (1.0 + size % 2),
        "learning_rate": np.tile([1e-4, 1e-3, 1e-2], 5),
        "loss": 3.0 - 0.1 * size + np.tile([0.2, 0.0, 0.1], 5),
    }
    said = told(model, RunTable.from_columns(columns))["learning rates"]
    assert "-m coupled+lr-valley" in said.advice
    assert "learning_rate" in load_model("coupled+lr-valley").inputs
