"""Were runs undertrained? Against closed forms, by fits, averages and published laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.datasets.loaders import read_chinchilla
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws.nominal import nominal_runs
from bayes_scaling.posterior.prior import prior_member
from tests.synthetic import PLAIN, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(PLAIN, draws=25)
RUNS = {"params": [8e10, 2.8e11, 1e9], "tokens": [1.23e12, 3e11, 1e12]}


def best_params(flops: float | np.ndarray) -> np.ndarray:
    flat = FIT.flat
    alpha, beta = flat["alpha"], flat["beta"]
    level = (alpha * flat["A"] / (beta * flat["B"])) ** (1 / (alpha + beta))
    return np.asarray(level * (flops / 6) ** (beta / (alpha + beta)))


def test_the_best_split_and_the_probability_come_from_the_draws() -> None:
    found = FIT.judge_split(RUNS)
    for case, (params, tokens) in enumerate(zip(*RUNS.values(), strict=True)):
        flops = 6 * params * tokens
        np.testing.assert_allclose(found.draws["best_params"][:, case], best_params(flops))
        np.testing.assert_allclose(
            found.draws["best_tokens"][:, case], flops / 6 / best_params(flops)
        )
        share = np.mean(tokens < flops / 6 / best_params(flops))
        assert found.rows()[case]["undertrained"] == pytest.approx(share)
    chances = [row["undertrained"] for row in found.rows()]
    assert 0 < chances[0] < 1
    assert chances[1:] == [1.0, 0.0]


def test_tokens_for_params_are_those_of_an_allocation() -> None:
    found = FIT.judge_split(RUNS)
    wanted = FIT.allocate(params=RUNS["params"])
    np.testing.assert_allclose(found.draws["tokens_for_params"], wanted.tokens)


def test_loss_lost_and_compute_enough_agree() -> None:
    found = FIT.judge_split(RUNS)
    own = FIT.forecast(RUNS).noise_free
    np.testing.assert_allclose(found.draws["loss"], own)
    best = FIT.allocate(flops=[6 * n * d for n, d in zip(*RUNS.values(), strict=True)]).loss
    np.testing.assert_allclose(found.draws["loss_lost"], own - best, atol=1e-9)
    enough = found.draws["flops_enough"]
    assert (enough <= found.asked["flops"] * (1 + 1e-9)).all()
    flat = FIT.flat
    for case in range(3):
        params = best_params(enough[:, case])
        tokens = enough[:, case] / 6 / params
        reached = (
            flat["E"] + flat["A"] / params ** flat["alpha"] + flat["B"] / tokens ** flat["beta"]
        )
        np.testing.assert_allclose(reached, own[:, case], rtol=1e-7)


def test_published_runs_are_named_and_told_how_far_they_lie() -> None:
    row = FIT.judge_split(bs.published_runs()).rows()[1]
    assert row["run"] == "Gopher"
    assert row["efolds_params"] == pytest.approx(np.log(2.8e11 / FIT.runs["params"].max()))


def test_an_average_mixes_its_members() -> None:
    ensemble = synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1}, draws=25)
    found = ensemble.judge_split(RUNS)
    parts = [ensemble.alone(name).judge_split(RUNS) for name in ensemble.members]
    for name in ("best_tokens", "loss_lost", "flops_enough"):
        wanted = [part.draws[name][rows] for part, rows in zip(parts, ensemble.rows, strict=True)]
        np.testing.assert_array_equal(found.draws[name], np.concatenate(wanted))
    shares = [part.flags["undertrained"][rows, 0] for part, rows in zip(parts, ensemble.rows,
                                                                        strict=True)]  # fmt: skip
    assert found.rows()[0]["undertrained"] == pytest.approx(np.concatenate(shares).mean())


def test_drift_widens_the_judgement() -> None:
    gopher = {"params": 2.8e11, "tokens": 3e11}
    plain = synthetic_fit("coupled", draws=20).judge_split(gopher)
    drift = synthetic_fit("coupled-drift", draws=20).judge_split(gopher)
    for name in ("best_tokens", "tokens_for_params", "loss_lost", "flops_enough"):
        assert np.isfinite(drift.draws[name]).all()
    spread = [np.std(np.log(found.draws["best_tokens"])) for found in (plain, drift)]
    assert spread[1] > 2 * spread[0]


def test_groups_may_differ_from_run_to_run_or_be_named_once() -> None:
    fit = synthetic_fit(families=("code", "web"), draws=10)
    with pytest.raises(InputError, match="say which family"):
        fit.judge_split(bs.published_runs())
    once = fit.judge_split(bs.published_runs(), family="web")
    assert {row["family"] for row in once.rows()} == {"web"}
    each = fit.judge_split({"params": 2.8e11, "tokens": 3e11, "family": ["code", "web"]})
    np.testing.assert_array_equal(each.draws["loss"][:, 1], once.draws["loss"][:, 1])
    assert each.rows()[0]["loss"] != each.rows()[1]["loss"]


def test_a_law_that_states_the_best_split_judges_without_losses() -> None:
    envelope = bs.load_model("envelope")
    fit = Fit.of_one(prior_member(envelope, nominal_runs(envelope), draws=50, random_seed=0))
    found = fit.judge_split(bs.published_runs())
    assert set(found.draws) == {"best_params", "best_tokens", "tokens_for_params"}
    split = fit.allocate(flops=6 * 2.8e11 * 3e11)
    np.testing.assert_allclose(found.draws["best_params"][:, 1], split.params[:, 0])
    wanted = fit.allocate(params=2.8e11).tokens[:, 0]
    np.testing.assert_allclose(found.draws["tokens_for_params"][:, 1], wanted)
    share = np.mean(found.draws["best_tokens"][:, 1] > 3e11)
    assert found.rows()[1]["undertrained"] == pytest.approx(share)


def test_only_a_law_in_params_and_tokens_judges() -> None:
    with pytest.raises(InputError, match="only a law in params and tokens"):
        synthetic_fit("kaplan-c").judge_split({"params": 1e9, "tokens": 1e10, "flops": 6e19})
    with pytest.raises(InputError, match="decoder-params needs 'depth' and 'width'"):
        bs.published("decoder-params").judge_split(bs.published_runs())


@pytest.mark.slow
def test_gopher_was_undertrained_and_chinchilla_was_not(
    public_data: Callable[[str], Path],
) -> None:
    """The question of 2022, answered by a posterior of the points of that paper."""
    runs = read_chinchilla(public_data("upstream/svg_extracted_data.csv"))
    runs = bs.select_rows(runs, "epoch_outlier == 0")
    fit = bs.fit("chinchilla", runs, draws=400, tune=500, chains=2, random_seed=1)
    rows = {row["run"]: row for row in fit.judge_split(bs.published_runs()).rows()}
    assert 0.05 < rows["Chinchilla"]["undertrained"] < 0.95
    for name in ("Gopher", "GPT-3", "Jurassic-1", "MT-NLG"):
        assert rows[name]["undertrained"] > 0.999
    gopher = rows["Gopher"]
    assert gopher["best_params_lower"] < 6.7e10 < gopher["best_params_upper"]
    assert 0.4 < gopher["flops_enough"] / gopher["flops"] < 0.6
    # The refit of the same points by least squares lies inside.
    refit = bs.published("epoch-2024").judge_split(bs.published_runs()).rows()[1]
    for name in ("best_params", "best_tokens", "loss_lost", "flops_enough"):
        assert gopher[f"{name}_lower"] < refit[name] < gopher[f"{name}_upper"]


@pytest.mark.parametrize("params", [1e308, 1e-320])
def test_sizes_that_no_unit_makes_are_refused(params: float) -> None:
    with pytest.raises(InputError, match="'params' must be positive and finite, 1e-60 to 1e"):
        synthetic_fit().judge_split({"params": params, "tokens": 1e9})
