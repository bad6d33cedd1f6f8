"""Published laws as objects: by name, forecasts, best splits, and what they cannot do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.page import as_level
from bayes_scaling.questions.literature import laws_of, published_names
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
    day = bs.published("kaplan-2020-optimum").at({"flops": PF_DAY}).rows()[0]
    assert day["params"] == pytest.approx(1.3e9)
    assert day["batch_size"] == pytest.approx(2e6)
    assert day["steps"] == pytest.approx(5.4e3)
    assert day["tokens"] == pytest.approx(2e10)


def test_a_forecast_completes_sizes_and_names_runs() -> None:
    law = bs.published("hoffmann-2022")
    found = law.forecast({"N": [7e10, 2.8e11], "C": 5.88e23})
    np.testing.assert_allclose(found.plan.columns["tokens"], [1.4e12, 3.5e11])
    assert found.rows()[0]["noise_free"] == pytest.approx(float(law.loss(CHINCHILLA)))
    assert found.draws.shape == (1, 2)
    assert not {"noise_free_lower", "probability", "spread_noise"} & set(found.table)
    of_frame = law.forecast(pd.DataFrame({**{k: [v] for k, v in CHINCHILLA.items()}, "x": "y"}))
    assert of_frame.rows()[0]["noise_free"] == found.rows()[0]["noise_free"]
    named = law.at(bs.published_runs())
    assert named.rows()[0]["run"] == "Chinchilla"
    assert named.rows()[0]["loss"] == pytest.approx(float(law.loss(CHINCHILLA)))
    assert named.notes == (law.units,)


def test_kaplan_reads_params_without_embeddings() -> None:
    law = bs.published("kaplan-2020-nd")
    both = law.forecast({"params": 1.2e9, "params_nonembedding": 1e9, "tokens": 1e10}).rows()[0]
    assert both["noise_free"] == pytest.approx(float(law.loss({"params": 1e9, "tokens": 1e10})))
    assert both["flops"] == pytest.approx(6e19)
    assert any("without embeddings" in note for note in law.notes)


def test_an_input_may_have_a_default() -> None:
    law = bs.published("muennighoff-2023")
    assert law.needed == ("params", "tokens")
    sizes = {"params": 1e9, "tokens": 1e10}
    fresh, once, repeated = (
        float(law.forecast({**sizes, **more}).draws[0, 0])
        for more in ({}, {"unique_tokens": 1e10}, {"unique_tokens": 1e8})
    )
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
    ours = synthetic_fit(draws=5).allocate(flops=1e22).rows()[0]
    told = [name for name in ours if not name.endswith(("_lower", "_upper"))]
    beyond = ("efolds_", "spread_", "probability", "kind")
    assert list(row) == [name for name in told if not name.startswith(beyond)]
    assert (row["given"], row["flops"], row["at_edge"]) == ("flops", 1e22, 0.0)
    assert row["choose_params"] == pytest.approx(row["params"], rel=1e-3)
    assert row["expected_regret"] == pytest.approx(0, abs=1e-9)
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


# ---- every other question -----------------------------------------------------------------------


def optimum(flops: float) -> dict[str, float]:
    """Return the best split of a budget by the closed form, and the loss there."""
    E, A, B, alpha, beta = 1.69, 406.4, 410.7, 0.34, 0.28
    params = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (flops / 6) ** (
        beta / (alpha + beta)
    )
    tokens = flops / 6 / params
    return {"params": params, "tokens": tokens, "loss": E + A / params**alpha + B / tokens**beta}


def test_a_published_law_gives_the_types_of_answer_of_a_fit() -> None:
    law, fit = bs.published("hoffmann-2022"), synthetic_fit(draws=5)
    runs = {"params": 7e10, "tokens": 1.4e12}
    questions: tuple[Callable[[Any], Any], ...] = (
        lambda source: source.forecast(runs),
        lambda source: source.allocate(flops=1e22),
        lambda source: source.risk(flops=1e22, target_loss=2.1),
        lambda source: source.reach(2.1),
        lambda source: source.saturation(0.02, tokens=1e10),
        lambda source: source.judge_split(runs),
        lambda source: source.stage_gate(1e22, 2.1),
        lambda source: source.advise(1e22, 1e11, target_loss=2.1),
        lambda source: source.query("chinchilla-optimum", {"flops": 1e22}),
    )
    for ask in questions:
        ours, theirs = ask(fit), ask(law)
        assert type(ours) is type(theirs)
        told = {name for name in ours.rows()[0] if not name.startswith(("efolds_", "spread_"))}
        point = {name for name in told if not name.endswith(("_lower", "_upper"))}
        assert set(theirs.rows()[0]) == point - {"probability", "kind", "held"}
        assert len(theirs.table) == len(ours.table)


def test_the_risk_of_a_budget_is_yes_or_no() -> None:
    law, best = bs.published("hoffmann-2022"), optimum(1e23)
    for target, reached in ((best["loss"] - 0.005, 0.0), (best["loss"] + 0.005, 1.0)):
        found = law.risk(flops=1e23, target_loss=target, rig=bs.Rig(price=2.0), value=1e6)
        (row,) = found.rows()
        assert row["params"] == pytest.approx(best["params"], rel=1e-3)
        assert row["noise_free"] == row["new_run"] == pytest.approx(best["loss"], abs=1e-6)
        assert row["chance"] == reached
        assert row["in_words"] == f"{'reaches' if reached else 'misses'} {as_level(target)}"
        assert row["regret"] == pytest.approx(0, abs=1e-6)
        assert row["decision"] == ("go" if reached else "no go")
        assert found.enough is not None
        assert optimum(found.enough)["loss"] == pytest.approx(target, abs=5e-4)  # to a percent


def test_the_regret_of_a_plan_is_the_loss_beyond_the_best_split() -> None:
    law = bs.published("hoffmann-2022")
    (row,) = law.risk(params=2.8e11, tokens=3e11).rows()
    best = optimum(6 * 2.8e11 * 3e11)
    lost = float(law.loss({"params": 2.8e11, "tokens": 3e11})) - best["loss"]
    assert row["regret"] == row["expected_regret"] == pytest.approx(lost, rel=1e-4)
    (judged,) = law.judge_split({"params": 2.8e11, "tokens": 3e11}).rows()
    assert judged["loss_lost"] == pytest.approx(lost, rel=1e-6)
    assert row["wasted_share"] == pytest.approx(1 - judged["flops_enough"] / judged["flops"])


def test_limits_bind_a_published_law_too() -> None:
    split = bs.published("hoffmann-2022").allocate(flops=1e23, limits=bs.Limits(max_params=7e9))
    assert split.rows()[0]["choose_params"] == pytest.approx(7e9)
    assert split.at_edge[0] == 1
    with pytest.raises(InputError, match="limits are for a budget that is split by a law"):
        bs.published("hoffmann-2022-approach-1").allocate(
            flops=1e23, limits=bs.Limits(max_params=7e9)
        )


def test_a_smaller_run_teaches_a_published_law_nothing() -> None:
    found = bs.published("hoffmann-2022").stage_gate(1e23, optimum(1e23)["loss"] + 0.005)
    assert found.chance == 1
    assert (found.chances == 1).all()
    assert found.changes == 0


def test_what_needs_a_posterior_is_not_asked_of_a_published_law() -> None:
    law = bs.published("hoffmann-2022")
    for ask in (
        lambda: law.tune(1e9, 1e10),
        lambda: law.next_runs(1e20),
        lambda: law.sensitivity(CHINCHILLA),
        lambda: law.monitor(synthetic_fit(draws=5).runs, CHINCHILLA),
    ):
        with pytest.raises(InputError, match="is answered by a fit alone"):
            ask()
    with pytest.raises(InputError, match="knows of no mistuned runs"):
        law.forecast(CHINCHILLA, tuning="typical")
    with pytest.raises(InputError, match="no groups"):
        law.forecast({**CHINCHILLA, "family": "web"})
    with pytest.raises(InputError, match="no groups"):
        law.risk(flops=1e22, family="web")
    with pytest.raises(InputError, match="has no input 'depth'"):
        bs.published("hoffmann-2022-approach-1").allocate(flops=1e22, inputs={"depth": 3})


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("hoffmann-2022", {"params": 1e9}, "hoffmann-2022 needs 'tokens'"),
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
        ("hoffmann-2022", {"flops": 0}, "must be finite and above 6"),
        ("kaplan-2020-n", {"flops": 1e20}, "only a law in params and tokens can split a budget"),
        ("kaplan-2020-ns", {"flops": 1e20}, "only a law in params and tokens can split a budget"),
        ("decoder-params", {"flops": 1e20}, "gives params_nonembedding, and no loss"),
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
