"""Published laws as objects: by name, forecasts, best splits, and what they cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.literature import laws_of, published_names
from bayes_scaling.errors import InputError
from bayes_scaling.runs import PF_DAY, RunTable
from tests.synthetic import synthetic_fit

CHINCHILLA = {"params": 7e10, "tokens": 1.4e12}


def test_laws_are_found_by_name() -> None:
    names = [law.id for law in bs.list_published()]
    assert names == list(published_names())
    assert names == sorted(names)
    law = bs.published("hoffmann-2022")
    assert (law.model, law.kind, law.response) == ("chinchilla", "law", "loss")
    assert law.constants == {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    assert bs.published("epoch-2024").intervals["A"] == (285, 744)
    assert (
        repr(law) == "PublishedLaw(hoffmann-2022: loss = E + A / params**alpha + B / tokens**beta)"
    )
    with pytest.raises(InputError, match="did you mean 'hoffmann-2022'"):
        bs.published("hofmann-2022")


def test_a_model_of_a_user_may_publish_too(tmp_path: Path) -> None:
    content = bs.load_model("kaplan-n").to_dict() | {"id": "mine"}
    content["published"] = {
        "formula": "(N_c / params)**alpha_N",
        "laws": {"me-2026": {"constants": {"N_c": 1e13, "alpha_N": 0.1}}},
    }
    (law,) = laws_of(bs.load_model(content))
    assert law.loss({"params": 1e13}) == 1.0
    assert law.title == content["title"]
    assert laws_of(bs.load_model("coupled")) == ()


# ---- losses --------------------------------------------------------------------------------------


def test_the_loss_is_the_formula() -> None:
    wanted = 1.69 + 406.4 / 7e10**0.34 + 410.7 / 1.4e12**0.28
    assert bs.published("hoffmann-2022").loss(CHINCHILLA) == pytest.approx(wanted)
    grid = bs.published("hoffmann-2022").loss({"params": np.ones((3, 1)), "tokens": np.ones(4)})
    assert grid.shape == (3, 4)


def test_kaplans_sets_are_three_different_fits() -> None:
    """The limits of L(N, D) are near L(N) and L(D), and not the same."""
    joint = bs.published("kaplan-2020-nd")
    alone = [bs.published(f"kaplan-2020-{name}") for name in ("n", "d")]
    sizes = ({"params": 1e9, "tokens": 1e40}, {"params": 1e40, "tokens": 1e10})
    limits = [joint.loss(size) for size in sizes]
    own = [alone[0].loss({"params": 1e9}), alone[1].loss({"tokens": 1e10})]
    for limit, value in zip(limits, own, strict=True):
        assert limit == pytest.approx(value, rel=0.05)
        assert limit != pytest.approx(value, rel=0.01)


def test_pf_days_are_converted() -> None:
    law = bs.published("kaplan-2020-c")
    assert law.constants["C_c"] == pytest.approx(1.6e7 * PF_DAY)
    assert law.loss({"flops": 1.6e7 * PF_DAY}) == pytest.approx(1.0)
    day = bs.published("kaplan-2020-optimum").forecast({"flops": PF_DAY}).rows()[0]
    assert day["params"] == pytest.approx(1.3e9)
    assert day["batch_size"] == pytest.approx(2e6)
    assert day["steps"] == pytest.approx(5.4e3)
    assert day["tokens"] == pytest.approx(2e10)


def test_a_forecast_completes_sizes_and_names_runs() -> None:
    law = bs.published("hoffmann-2022")
    found = law.forecast({"N": [7e10, 2.8e11], "C": 5.88e23})
    np.testing.assert_allclose(found.asked["tokens"], [1.4e12, 3.5e11])
    assert found.rows()[0]["loss"] == pytest.approx(float(law.loss(CHINCHILLA)))
    assert "loss_lower" not in found.table
    assert found.probability is None
    of_frame = law.forecast(pd.DataFrame({**{k: [v] for k, v in CHINCHILLA.items()}, "x": "y"}))
    assert of_frame.rows()[0]["loss"] == found.rows()[0]["loss"]
    named = law.forecast(bs.published_runs())
    assert named.rows()[0]["run"] == "Chinchilla"
    assert named.notes == (law.units,)


def test_kaplan_reads_params_without_embeddings() -> None:
    law = bs.published("kaplan-2020-nd")
    both = law.forecast({"params": 1.2e9, "params_nonembedding": 1e9, "tokens": 1e10}).rows()[0]
    assert both["loss"] == pytest.approx(float(law.loss({"params": 1e9, "tokens": 1e10})))
    assert both["flops"] == pytest.approx(6e19)
    assert any("without embeddings" in note for note in law.notes)


def test_an_input_may_have_a_default() -> None:
    law = bs.published("muennighoff-2023")
    assert law.needed == ("params", "tokens")
    fresh = law.forecast({"params": 1e9, "tokens": 1e10}).rows()[0]["loss"]
    once = law.forecast({"params": 1e9, "tokens": 1e10, "unique_tokens": 1e10}).rows()[0]["loss"]
    repeated = law.forecast({"params": 1e9, "tokens": 1e10, "unique_tokens": 1e8}).rows()[0]["loss"]
    assert fresh == pytest.approx(once)
    assert repeated > fresh
    found = law.reach(repeated, params=1e9, inputs={"unique_tokens": 1e8})
    assert found.rows()[0]["tokens"] == pytest.approx(1e10, rel=1e-6)


# ---- best splits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hoffmann-2022", "epoch-2024"])
def test_the_best_split_is_the_closed_form(name: str) -> None:
    law = bs.published(name)
    found = law.allocate(flops=[1e21, 1e23])
    closed = law.query("chinchilla-optimum", {"flops": [1e21, 1e23]})
    for size in ("params", "tokens"):
        np.testing.assert_allclose(found.draws[size], closed.draws[size], rtol=1e-7)


def test_an_allocation_has_the_columns_of_one_of_a_fit() -> None:
    row = bs.published("hoffmann-2022").allocate(flops=1e22).rows()[0]
    assert list(row) == [
        "given", "params", "tokens", "flops", "tokens_per_param", "loss", "at_edge",
    ]  # fmt: skip
    assert (row["given"], row["flops"], row["at_edge"]) == ("flops", 1e22, False)
    assert row["tokens_per_param"] == pytest.approx(row["tokens"] / row["params"])


@pytest.mark.parametrize(
    "name", ["hoffmann-2022", "kaplan-2020-nd", "kaplan-2020-optimum", "hoffmann-2022-approach-2"]
)
def test_any_of_three_sizes_gives_the_other_two(name: str) -> None:
    law = bs.published(name)
    split = law.allocate(flops=1e22).rows()[0]
    for back in (law.allocate(params=split["params"]), law.allocate(tokens=split["tokens"])):
        for size in ("params", "tokens", "flops"):
            assert back.rows()[0][size] == pytest.approx(split[size], rel=1e-6)


def test_tokens_of_kaplans_optimum_are_those_at_the_critical_batch() -> None:
    """They take twice C_min, so 6 N D is about twice the compute that was given."""
    row = bs.published("kaplan-2020-optimum").allocate(flops=PF_DAY).rows()[0]
    assert 6 * row["params"] * row["tokens"] / PF_DAY == pytest.approx(2, rel=0.1)


def test_its_table_fits_that_of_a_posterior() -> None:
    ours = synthetic_fit(draws=5).allocate(flops=1e22).table
    theirs = bs.published("epoch-2024").allocate(flops=1e22).table
    assert set(theirs) <= set(ours)


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("hoffmann-2022", {"params": 1e9}, "hoffmann-2022 needs tokens"),
        ("hoffmann-2022", {"parms": 1e9, "tokens": 1e9}, "did you mean 'params'"),
        ("hoffmann-2022", {"params": -1, "tokens": 1e9}, "must be positive"),
        ("hoffmann-2022", {"N": 1e9, "D": 1e9, "C": 1e20}, "flops are 16.7 times 6 x params"),
        ("hoffmann-2022", {"params": [1, 2], "tokens": [1, 2, 3]}, "has 2 values, others have 3"),
    ],
)
def test_what_cannot_be_forecast_is_said(name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        bs.published(name).forecast(asked)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("hoffmann-2022", {}, "exactly one of flops, params and tokens; got none"),
        ("hoffmann-2022", {"flops": 1e20, "params": 1e9}, "exactly one"),
        ("hoffmann-2022", {"flops": 0}, "must be above 0"),
        ("kaplan-2020-n", {"flops": 1e20}, "only a law in params and tokens can split a budget"),
        ("kaplan-2020-ns", {"flops": 1e20}, "only a law in params and tokens can split a budget"),
        ("decoder-params", {"flops": 1e20}, "it does not split compute"),
    ],
)
def test_what_cannot_be_split_is_said(name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        bs.published(name).allocate(**asked)


def test_a_rule_has_no_loss() -> None:
    law = bs.published("hoffmann-2022-approach-1")
    with pytest.raises(InputError, match="gives params, tokens, and no loss"):
        law.loss({"flops": 1e20})
    with pytest.raises(InputError, match="gives params, tokens, and no loss"):
        law.reach(2.0)


def test_a_loss_needs_its_inputs() -> None:
    with pytest.raises(InputError, match="needs tokens for loss"):
        bs.published("hoffmann-2022").loss({"params": 1e9})


def test_the_big_runs_have_no_losses() -> None:
    runs = bs.published_runs()
    assert isinstance(runs, RunTable)
    assert "loss" not in runs
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])
