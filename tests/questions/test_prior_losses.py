"""What a prior expects of runs."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.nominal import ASKED
from bayes_scaling.questions.prior_losses import default_size, prior_curve
from bayes_scaling.runs import RunTable
from tests.laws.tables import table
from tests.synthetic import own_law

ONE = {"params": 4e8, "tokens": 8e9}


def test_it_is_the_law_at_draws_of_its_priors() -> None:
    found = bs.prior_predictive("chinchilla", {"params": [1e8, 7e10], "tokens": [2e9, 1e12]})
    p = {name: values[:, None] for name, values in found.parameters.items()}
    hand = p["E"] + p["A"] * found.plan.columns["params"] ** -p["alpha"]
    hand = hand + p["B"] * found.plan.columns["tokens"] ** -p["beta"]
    np.testing.assert_allclose(found.noise_free, hand, rtol=1e-9)
    for item in found.model.parameters:
        below = float(np.mean(found.parameters[item.name] < item.prior.quantile(0.3)))
        assert below == pytest.approx(0.3, abs=0.04)
    assert repr(found) == "PriorPredictive(chinchilla: 2 runs, 4000 draws; see .table)"


def test_at_the_reference_the_loss_is_the_parameter_that_says_so() -> None:
    found = bs.prior_predictive("chinchilla", random_seed=3)
    place = list(ASKED).index("reference run")
    np.testing.assert_allclose(found.noise_free[:, place], found.parameters["c"], rtol=1e-12)
    assert found.references["params_ref"] == pytest.approx(1e8)


def test_noise_of_a_run_is_added_and_no_more() -> None:
    found = bs.prior_predictive("kaplan-n", random_seed=2)
    deviation = np.log(found.draws / found.noise_free) / found.parameters["sigma"][:, None]
    assert float(np.median(np.abs(deviation))) == pytest.approx(0.72, abs=0.05)  # Student-t, 7 dof


def test_the_table_has_both_ranges_nested_and_named() -> None:
    frame = bs.prior_predictive("coupled", random_seed=1).table
    assert list(frame["run"]) == list(ASKED)
    for name in ("noise_free", "new_run"):
        parts = [frame[f"{name}{end}"] for end in ("_lower90", "_lower50", "", "_upper50")]
        for low, high in zip(parts, [*parts[1:], frame[f"{name}_upper90"]], strict=True):
            assert (low < high).all()
    assert (np.diff(frame["noise_free"]) < 0).all()


def test_the_same_seed_gives_the_same_draws_and_no_seed_gives_others() -> None:
    one, same = (bs.prior_predictive("kaplan-d", random_seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, bs.prior_predictive("kaplan-d").draws)


def test_runs_give_sizes_and_their_losses_are_never_read() -> None:
    runs = table(families=3)
    other = RunTable(columns={**runs.columns, "loss": 100 * runs["loss"]})
    one, same = (
        bs.prior_predictive("chinchilla", runs=given, random_seed=1) for given in (runs, other)
    )
    assert one.references["params_ref"] == pytest.approx(np.exp(np.mean(np.log(runs["params"]))))
    assert one.draws.shape == (4000, len(runs))
    np.testing.assert_array_equal(one.draws, same.draws)
    as_sizes = bs.prior_predictive("chinchilla", runs, random_seed=1)
    np.testing.assert_array_equal(as_sizes.draws, one.draws)


def test_sizes_may_be_asked_under_the_references_of_runs() -> None:
    runs = table()
    far = bs.prior_predictive("chinchilla", ONE, runs=runs, random_seed=1)
    assert len(far.plan) == 1
    assert far.references == bs.prior_predictive("chinchilla", runs=runs).references


def test_a_law_in_other_counts_reads_those_of_the_runs() -> None:
    runs = table()
    found = bs.prior_predictive("kaplan-n", runs=runs, random_seed=1)
    np.testing.assert_array_equal(found.plan.columns["params"], runs["params_nonembedding"])


def test_drift_widens_the_prior_beyond_the_runs_alone() -> None:
    plain = bs.load_model("coupled").with_features(transient=True)
    drifting = plain.with_features(drift=True)
    spreads = []
    for model in (plain, drifting):
        found = bs.prior_predictive(model, random_seed=1, draws=2000)
        falls = np.log(found.noise_free[:, -1] / found.noise_free[:, -2])
        spreads.append(float(np.std(falls)))
    assert spreads[1] > spreads[0]
    assert "slope_params" in found.parameters


def test_a_tuned_input_needs_no_value() -> None:
    found = bs.prior_predictive("chinchilla-lr", ONE, random_seed=1)
    plain = bs.prior_predictive("chinchilla", ONE, random_seed=1)
    assert np.median(found.noise_free) == pytest.approx(np.median(plain.noise_free), rel=0.05)
    given = bs.prior_predictive("chinchilla-lr", {**ONE, "learning_rate": 1e-3}, random_seed=1)
    assert (given.noise_free >= found.noise_free * (1 - 1e-12)).all()


def test_a_law_of_ones_own_with_an_input_nobody_knows() -> None:
    found = bs.prior_predictive(own_law("mood"), random_seed=1)
    p = found.parameters
    place = list(ASKED).index("reference run")
    np.testing.assert_allclose(found.noise_free[:, place], p["a"] * np.exp(p["h"]))


def test_what_cannot_be_asked() -> None:
    with pytest.raises(InputError, match="draws must be a whole number"):
        bs.prior_predictive("chinchilla", draws=3)
    with pytest.raises(InputError, match="needs 'tokens'"):
        bs.prior_predictive("chinchilla", {"params": 1e9})
    with pytest.raises(InputError, match="learning_rate"):
        bs.prior_predictive("chinchilla-lr", runs=RunTable.from_columns({**ONE, "loss": 1.0}))


# ---- along one size ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "along"), [("chinchilla", "flops"), ("kaplan-n", "params"), ("kaplan-c", "flops")]
)
def test_a_law_is_shown_along_compute_or_its_only_size(name: str, along: str) -> None:
    model = bs.load_model(name)
    assert default_size(model) == along
    curve = prior_curve(model, random_seed=1, draws=100)
    assert curve.along == along
    assert curve.x[-1] == pytest.approx(100 * curve.edge)
    np.testing.assert_allclose(curve.predictive.plan.columns[along], curve.x)


def test_other_sizes_follow_as_they_do_in_the_runs() -> None:
    flops = np.geomspace(1e18, 1e21, 8)
    params = 0.3 * flops**0.4
    columns = {"params": params, "tokens": flops / 6 / params, "loss": np.full(8, 2.0)}
    curve = prior_curve("chinchilla", runs=RunTable.from_columns(columns), random_seed=1)
    assert curve.edge == pytest.approx(1e21)
    np.testing.assert_allclose(curve.predictive.plan.columns["params"], 0.3 * curve.x**0.4)


def test_a_size_that_all_runs_share_stays_what_it_is() -> None:
    columns = {"params": [1e8] * 3, "tokens": [1e9, 2e9, 4e9], "loss": [3.0] * 3}
    curve = prior_curve("chinchilla", runs=RunTable.from_columns(columns), along="tokens")
    np.testing.assert_allclose(curve.predictive.plan.columns["params"], 1e8)
    assert curve.x[0] == pytest.approx(1e9)


@pytest.mark.parametrize("name", ["batch-tradeoff", "early-stop"])
def test_a_draw_that_no_number_holds_does_not_spoil_the_ranges_of_the_others(name: str) -> None:
    law = load_model(name)
    found = bs.prior_predictive(law.of("steps"), random_seed=0)
    assert 0 < np.isnan(found.noise_free).any(axis=1).sum() < 40
    kept = found.noise_free[~np.isnan(found.noise_free).any(axis=1)]
    for row, median in zip(found.rows(), np.quantile(kept, 0.5, axis=0), strict=True):
        assert row["noise_free"] == pytest.approx(median)
        assert row["noise_free_lower90"] < row["noise_free"] < row["noise_free_upper90"]
