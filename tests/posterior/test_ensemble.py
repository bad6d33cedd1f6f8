"""`Fit`: who takes part with which weight, what is shared, and what its checks say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import ensemble_of
from bayes_scaling.posterior import Check
from tests.synthetic import CONFLICT, OK, UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

BIG = {"params": 7e10, "tokens": 1.4e12}


def copies(*names: str) -> list[Fit]:
    """Return copies of one fit under other names."""
    fit = synthetic_fit()
    return [changed(fit, model=replace(fit.model, id=name)) for name in names]


def test_weights_are_equal_unless_given() -> None:
    assert synthetic_ensemble().weights == {"chinchilla": 0.5, "coupled": 0.5}
    given = synthetic_ensemble(weights={"coupled": 6, "chinchilla": 2})
    assert given.weights == {"chinchilla": 0.25, "coupled": 0.75}
    assert given.leading.model.id == "coupled"


def test_an_unconverged_member_is_left_out_by_name_with_its_reason() -> None:
    found = synthetic_ensemble(checks={"coupled": UNCONVERGED})
    assert list(found.members) == ["chinchilla"]
    assert found.weights == {"chinchilla": 1.0}
    assert found.left_out == {"coupled": "it did not converge (R-hat largest 1.4 (E))"}
    assert found.status == "converged"
    assert found.trustworthy
    assert found.checks[-1].name == "members"
    assert found.checks[-1].verdict == "warn"
    assert "coupled is left out: it did not converge" in found.checks[-1].evidence
    alone = synthetic_fit().forecast(BIG)
    np.testing.assert_array_equal(found.forecast(BIG).draws, alone.draws)


def test_the_weights_of_the_others_are_renormalised() -> None:
    fits = copies("a", "b", "c")
    fits[1] = changed(fits[1], checks=UNCONVERGED)
    found = ensemble_of(fits, weights={"a": 0.2, "b": 0.5, "c": 0.3})
    assert found.weights == pytest.approx({"a": 0.4, "c": 0.6})
    assert list(found.left_out) == ["b"]


def test_where_none_converged_all_are_kept_and_decisions_refuse() -> None:
    found = synthetic_ensemble(checks={"coupled": UNCONVERGED, "chinchilla": UNCONVERGED})
    assert list(found.members) == ["chinchilla", "coupled"]
    assert found.left_out == {}
    assert found.status == "unconverged"
    assert not found.trustworthy
    for decide in (lambda: found.forecast(BIG), lambda: found.allocate(flops=1e22)):
        with pytest.raises(UnconvergedError, match=r"no law .* chinchilla: R-hat largest 1\.4"):
            decide()
    assert len(found.accept_unconverged().forecast(BIG).draws) == 800
    assert found.accept_unconverged().allocate(flops=1e22).params.shape == (800, 1)


def test_members_of_no_weight_are_left_out() -> None:
    fits = copies("a", "b", "c")
    found = ensemble_of(fits, weights={"a": 1.0, "b": 0.0, "c": 0.001})
    assert list(found.members) == ["a"]
    assert found.left_out["b"] == "its weight is 0, too little to matter"
    assert found.left_out["c"] == "its weight is 0.001, too little to matter"


def test_weight_on_none_but_the_unconverged_is_no_error() -> None:
    fits = copies("a", "b")
    fits[0] = changed(fits[0], checks=UNCONVERGED)
    found = ensemble_of(fits, weights={"a": 1.0, "b": 0.0})
    assert list(found.members) == ["a"]
    assert found.status == "unconverged"


def test_members_must_share_their_runs() -> None:
    chinchilla, coupled = synthetic_fit(), synthetic_fit("coupled", seed=3)
    with pytest.raises(InputError, match="coupled was fitted on other runs than chinchilla"):
        ensemble_of([chinchilla, coupled])


def test_every_problem_is_said_at_once() -> None:
    fits = [synthetic_fit(), synthetic_fit("chinchilla-lr")]
    with pytest.raises(InputError) as caught:
        ensemble_of(fits, weights={"chinchilla": 1.0})
    text = str(caught.value)
    for part in ("reads learning_rate", "other runs", "no weight of 'chinchilla-lr'"):
        assert part in text


def test_a_conflict_with_the_prior_does_not_leave_a_member_out() -> None:
    found = synthetic_ensemble(checks={"coupled": CONFLICT})
    assert list(found.members) == ["chinchilla", "coupled"]
    assert found.status == "converged"
    assert not found.trustworthy


def test_checks_that_all_members_share_are_told_once() -> None:
    assert synthetic_ensemble().checks == OK
    bent = Check(name="largest runs", verdict="warn", evidence="three lie off")
    found = synthetic_ensemble(checks={"coupled": (*OK, bent)}).checks
    assert found == (replace(bent, name="largest runs of coupled"), *OK)


def test_provenance_is_told_once_where_members_agree() -> None:
    found = synthetic_ensemble()
    assert found.provenance["runs_hash"] == found.runs.content_hash
    for name, fit in found.members.items():
        assert found.provenance[f"{name}.model_hash"] == fit.model.content_hash
    assert "model_hash" not in found.provenance


def test_a_generator_belongs_to_seed_and_purpose() -> None:
    found = synthetic_ensemble()
    one = found.generator("risk").random(3)
    np.testing.assert_array_equal(found.generator("risk").random(3), one)
    assert not np.array_equal(found.generator("other").random(3), one)
    other = replace(found, settings=replace(found.settings, random_seed=8))
    assert not np.array_equal(other.generator("risk").random(3), one)


def test_summary_and_tree_hold_every_member() -> None:
    found = synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1})
    table = found.summary()
    assert table.index.names == ["member", "parameter"]
    assert table.loc[("coupled", "k"), "median"] == np.median(found.members["coupled"].draws["k"])
    assert table.loc[("chinchilla", "E"), "weight"] == 0.75
    np.testing.assert_array_equal(
        found.tree["members/coupled/posterior"]["k"], found.members["coupled"].draws["k"]
    )


def test_a_fit_is_its_own_only_member() -> None:
    fit, several = synthetic_fit(), synthetic_ensemble()
    assert list(fit.members) == ["chinchilla"]
    assert fit.leading is fit.only
    assert several.members is several.members
    assert several.leading is several.members["chinchilla"]


def test_its_name_says_who_and_how_many() -> None:
    found: Fit = synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1})
    assert repr(found) == "Fit(chinchilla 0.75, coupled 0.25 on 16 runs, converged)"
