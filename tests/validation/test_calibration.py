"""Calibration on runs that a prior made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.figures import plot_calibration
from bayes_scaling.laws.nominal import unobserved
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.calibration import (
    AHEAD,
    BEST_PARAMS,
    NEW_RUN,
    NOISE_FREE,
    Calibration,
    beyond,
    default_sizes,
    inside,
    place_among,
    simulate,
    uniformity,
)
from tests.command_line import call

SETTINGS = Settings(draws=100, tune=100, chains=2, random_seed=3)


def made_up(places: dict[str, Any]) -> Calibration:
    return Calibration(
        model="law", pit=places, converged=np.ones(100, bool), runs=25, random_seed=0
    )


def test_simulated_runs_are_those_of_their_truth() -> None:
    model = bs.load_model("chinchilla")
    sizes = unobserved(model, default_sizes(model))
    first, second = simulate(model, sizes, 2, SETTINGS)
    for one in (first, second):
        truth = one.truth
        law = (
            truth["E"]
            + truth["A"] * sizes["params"] ** -truth["alpha"]
            + truth["B"] * sizes["tokens"] ** -truth["beta"]
        )
        deviation = np.log(one.runs["loss"] / law)
        assert np.median(np.abs(deviation)) < 3 * truth["sigma"]
        assert 0.1 < np.std(deviation) / truth["sigma"]
        large = (
            truth["E"]
            + truth["A"] * one.target["params"] ** -truth["alpha"]
            + truth["B"] * one.target["tokens"] ** -truth["beta"]
        )
        assert [truth[name] for name in NOISE_FREE] == pytest.approx(large)
        assert truth[NOISE_FREE[0]] != truth[NEW_RUN[0]]
        # The best split: A N^-alpha and B D^-beta fall at equal rates along the budget.
        budget = 6 * one.target["params"][-1] * one.target["tokens"][-1]
        params = truth[BEST_PARAMS]
        tokens = budget / 6 / params
        assert truth["alpha"] * truth["A"] * params ** -truth["alpha"] == pytest.approx(
            truth["beta"] * truth["B"] * tokens ** -truth["beta"], rel=1e-3
        )
    assert first.truth["alpha"] != second.truth["alpha"]
    assert first.settings.random_seed != second.settings.random_seed


def test_every_observed_quantity_is_simulated_with_noise_of_its_own() -> None:
    law = bs.load_model("distribution-shift")
    sizes = unobserved(law, default_sizes(law))
    noise = []
    for one in simulate(law, sizes, 40, SETTINGS):
        own = one.truth
        first = (
            own["E"]
            + own["A"] * one.runs["params"] ** -own["alpha"]
            + own["B"] * one.runs["tokens"] ** -own["beta"]
        )
        other = own["offset"] + own["slope"] * first
        away = np.log([one.runs["loss"] / first, one.runs["loss_shifted"] / other])
        assert np.median(np.abs(away[1])) < 2 * own["sigma_loss_shifted"]
        noise.append(np.corrcoef(away)[0, 1])
    assert abs(np.mean(noise)) < 0.15


def test_simulated_families_follow_their_own_parameters() -> None:
    model = bs.load_model("chinchilla")
    once = default_sizes(model)
    columns = {name: np.tile(values, 2) for name, values in once.columns.items()}
    columns["run"] = np.arange(2 * len(once)).astype(str)
    families = np.repeat(["web", "code"], len(once))
    sizes = unobserved(model, RunTable(columns={**columns, "family": families}), grouped=True)
    (one,) = simulate(model, sizes, 1, SETTINGS)
    assert set(one.target["family"]) == {"code"}
    assert {"alpha", "alpha_population", "alpha_sd"} <= set(one.truth)
    prior = prior_member(model, sizes, draws=1, random_seed=3, grouped=True)
    assert prior.groups == ("code", "web")
    for place, name in enumerate(prior.groups):
        own = {
            key: values[0, 0, place] if values.ndim == 3 else values[0, 0]
            for key, values in prior.draws.items()
        }
        runs = one.runs.take(one.runs["family"] == name)
        law = (
            own["E"]
            + own["A"] * runs["params"] ** -own["alpha"]
            + own["B"] * runs["tokens"] ** -own["beta"]
        )
        assert np.median(np.abs(np.log(runs["loss"] / law))) < 3 * own["sigma"]
        if name == "code":
            assert one.truth["alpha"] == own["alpha"]
            assert one.truth["A"] == own["A"]
        else:
            assert one.truth["alpha"] != own["alpha"]


def test_default_runs_vary_what_the_law_reads() -> None:
    law = bs.load_model("coupled+lr-valley")
    sizes = default_sizes(law)
    np.testing.assert_allclose(sizes["flops"], 6 * sizes["params"] * sizes["tokens"])
    logs = np.log([sizes[name] for name in ("params", "tokens", "learning_rate")])
    assert np.linalg.matrix_rank(logs - logs.mean(axis=1, keepdims=True)) == 3
    target = beyond(law, sizes)
    flops = target["params"] * target["tokens"] * 6
    assert flops == pytest.approx(np.array(AHEAD) * sizes["flops"].max())


def test_uniform_places_pass_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    even, narrow = rng.uniform(size=100), np.where(np.arange(100) % 2, 0.01, 0.99)
    assert made_up({"even": even}).calibrated
    found = made_up({"even": even, "narrow": narrow, "low": even**3})
    assert [row["verdict"] for row in found.rows()] == ["ok", "fail", "fail"]
    assert not found.calibrated
    assert inside(narrow, 0.9) == 0.0
    assert found.table.coverage90[1] == 0.0


def test_places_are_uniform_where_truth_and_draws_lie_at_an_edge() -> None:
    rng = np.random.default_rng(0)
    edge, found = 3.0, []
    for _ in range(2000):
        truth, *draws = np.minimum(rng.standard_normal(100) + edge, edge * (1 + 1e-14))
        found.append(place_among(np.array(draws), float(truth), rng))
    assert uniformity(np.array(found)) > 0.01
    assert place_among(np.full(9, edge), 2.0, rng) == 0.0
    assert place_among(np.full(9, edge), 4.0, rng) == 1.0


@pytest.mark.parametrize(("a", "b"), [(0.6, 0.6), (1.7, 1.7), (1.0, 1.4)])
def test_places_that_lean_or_are_too_narrow_or_too_wide_are_not_uniform(a: float, b: float) -> None:
    places = np.random.default_rng(3).beta(a, b, 400)
    assert uniformity(places) < 0.001
    assert uniformity(np.random.default_rng(3).uniform(size=400)) > 0.05


def test_the_figure_shows_both_shares() -> None:
    result = made_up({"alpha": np.linspace(0, 1, 100), "E": np.full(100, 0.5)})
    ax = plot_calibration(result)
    assert "100 truths" in ax.get_xlabel()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["E", "alpha"]
    assert len(ax.get_legend_handles_labels()[1]) == 2
    own = Figure().add_subplot()
    assert plot_calibration(result, ax=own) is own


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("coupled-tempered", {}, "tempered"),
        ("chinchilla-optimum", {}, "only a law is fitted"),
        ("chinchilla", {"simulations": 5}, "10 or more"),
        ("chinchila", {}, "chinchilla"),
    ],
)
def test_what_cannot_be_calibrated_says_why(
    model: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        bs.calibrate(model, **settings)


@pytest.mark.slow
def test_a_law_recovers_its_own_prior() -> None:
    found = bs.calibrate("chinchilla", simulations=40, random_seed=2)
    assert found.calibrated
    rows = {row["quantity"]: row for row in found.rows()}
    assert {"alpha", "beta", "E", *NOISE_FREE, *NEW_RUN, BEST_PARAMS} <= set(rows)
    assert all(0.72 <= row["coverage90"] for row in rows.values())
    assert found.converged.mean() > 0.9


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    places = {"alpha": np.linspace(0.005, 0.995, 100), "E": np.full(100, 0.5)}
    monkeypatch.setattr("bayes_scaling.validation.calibrate", lambda *_, **__: made_up(places))
    found = call("calibrate", "-m", "law", "--plot", tmp_path / "a.png")
    assert found.code == 2  # E falls at the median every time
    assert "E         100%" in found.out
    assert "do not fall where they should" in found.err
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert call("calibrate", "-m", "law", "--json").json["rows"][0]["verdict"] == "ok"
