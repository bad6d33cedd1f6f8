"""Local exponents under drift: at the reference, at the largest run, and where a user asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.slopes import factor_at
from tests.synthetic import OK, UNCONVERGED, synthetic_ensemble, synthetic_fit

FAR = {"params": 7e10, "tokens": 1.4e12}


def drifting(name: str = "chinchilla", **options: Any) -> Fit:
    model = load_model(name).with_features(drift=True, id=f"{name}-drifting")
    return synthetic_fit(model.to_dict(), **options)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return drifting()


def rows(fit: Fit, **asked: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["input"], row["at"]): row for row in fit.exponents(**asked).rows()}


def test_each_drifting_input_is_told_at_the_reference_and_at_its_largest(fit: Fit) -> None:
    found = rows(fit)
    assert set(found) == {
        (name, at) for name in ("params", "tokens") for at in ("reference", "largest run")
    }
    for name, parameter in (("params", "alpha"), ("tokens", "beta")):
        reference, largest = found[name, "reference"], found[name, "largest run"]
        assert reference["size"] == pytest.approx(np.exp(np.mean(np.log(fit.runs[name]))))
        assert largest["size"] == pytest.approx(fit.runs[name].max())
        assert reference["factor"] == pytest.approx(1.0, abs=0.02)
        assert reference["factor_upper"] - reference["factor_lower"] < 0.05
        assert largest["factor_upper"] - largest["factor_lower"] > 0.2
        assert {row["parameter"] for row in (reference, largest)} == {parameter}
        assert reference["exponent"] == pytest.approx(np.median(fit.flat[parameter]), rel=0.02)


def test_the_exponent_is_the_parameter_times_the_factor_draw_by_draw(fit: Fit) -> None:
    for part in fit.exponents(FAR).parts:
        np.testing.assert_array_equal(part.factor, factor_at(fit.only, part.input, part.size))
        assert part.exponent is not None
        np.testing.assert_array_equal(part.exponent, fit.flat[part.parameter] * part.factor)


def test_the_exponent_at_a_target_is_the_slope_that_the_forecast_has() -> None:
    """For a law of one power the slope of the log loss is the local exponent, to the letter."""
    fit = drifting("kaplan-n")
    at, step = 1e12, 1e-5
    ends = [fit.forecast({"params": at * np.exp(side * step)}).noise_free for side in (-1, 1)]
    slope = -np.log(ends[1] / ends[0])[:, 0] / (2 * step)
    part = fit.exponents({"params": at}).parts[-1]
    assert (part.at, part.size) == ("asked", at)
    assert part.exponent is not None
    np.testing.assert_allclose(part.exponent, slope, rtol=1e-4)


def test_it_grows_less_certain_with_distance(fit: Fit) -> None:
    sizes = {"params": [1e11, 1e13, 1e16], "tokens": [1e12, 1e14, 1e17]}
    asked = [row for row in fit.exponents(sizes).rows() if row["at"] == "asked"]
    for name in ("params", "tokens"):
        own = [row for row in asked if row["input"] == name]
        assert [row["size"] for row in own] == sizes[name]
        widths = [np.log(row["factor_upper"] / row["factor_lower"]) for row in own]
        assert widths == sorted(widths)


def test_intervals_name_their_kind_and_probability(fit: Fit) -> None:
    (row, *_) = fit.exponents(probability=0.5).rows()
    assert (row["probability"], row["kind"]) == (0.5, "ETI")
    wide, narrow = fit.exponents().table, fit.exponents(probability=0.5).table
    assert (wide["exponent_upper"] > narrow["exponent_upper"]).all()
    assert len(wide) == 4


def test_groups_have_exponents_of_their_own() -> None:
    fit = drifting(families=("code", "web"))
    found = fit.exponents({**FAR, "family": "web"}).rows()
    assert [(row["at"], row["family"]) for row in found if row["input"] == "params"] == [
        ("reference", "code"), ("reference", "web"),
        ("largest run", "code"), ("largest run", "web"), ("asked", "web"),
    ]  # fmt: skip
    web = next(row for row in found if row["family"] == "web")
    wanted = np.median(fit.flat["alpha"][:, 1] * factor_at(fit.only, "params", web["size"]))
    assert web["exponent"] == pytest.approx(wanted)
    with pytest.raises(InputError, match="several groups"):
        fit.exponents(FAR)


def test_a_law_without_one_exponent_of_an_input_has_the_factor_alone() -> None:
    found = rows(drifting("kaplan-nd"))
    assert found["params", "largest run"]["parameter"] == "alpha_N"
    tokens = found["tokens", "largest run"]
    assert tokens["parameter"] == ""
    assert np.isfinite(tokens["factor"])
    assert np.isnan(tokens["exponent"])


def test_in_print_the_reference_is_not_set_against_itself(fit: Fit) -> None:
    lines = repr(fit.exponents(FAR)).splitlines()
    assert lines[0].endswith("over that at the reference")
    reference = [line for line in lines if "the reference " in line]
    assert len(reference) == 2
    assert all(line.split()[-1] == "1" and line.count("[") == 1 for line in reference)
    assert all(line.count("[") == 2 for line in lines[1:] if line not in reference)


def test_without_drift_there_is_nothing_to_tell() -> None:
    found = synthetic_fit().exponents(FAR)
    assert found.rows() == []
    assert len(found.table) == 0


def test_an_unconverged_fit_must_be_asked_on_purpose() -> None:
    fit = drifting(checks=UNCONVERGED)
    with pytest.raises(UnconvergedError):
        fit.exponents()
    assert fit.accept_unconverged().exponents().rows()


def test_members_of_an_ensemble_tell_theirs() -> None:
    ensemble = synthetic_ensemble("coupled-tempered", "coupled-drift", checks={"coupled": OK})
    found = ensemble.exponents(FAR).rows()
    assert {row["member"] for row in found} == {"coupled-drift"}
    own = ensemble.alone("coupled-drift").exponents(FAR).rows()
    assert found == own


# ---- in the posterior ----------------------------------------------------------------------------


def test_the_factor_at_the_largest_run_stands_in_the_posterior(fit: Fit) -> None:
    table = fit.summary()
    for name in ("params", "tokens"):
        draws = fit.draws[f"slope_{name}"]
        assert draws.shape == (4, 100)
        largest = float(fit.runs[name].max())
        np.testing.assert_array_equal(draws.ravel(), factor_at(fit.only, name, largest))
        assert table.loc[f"slope_{name}", "median"] == pytest.approx(np.median(draws))
    assert not [name for name in synthetic_fit().draws if name.startswith("slope")]


def test_what_is_inside_the_runs_does_not_depend_on_what_is_drawn_beyond(fit: Fit) -> None:
    other = replace(fit, settings=replace(fit.settings, random_seed=99))
    one, two = (rows(item)["params", "largest run"] for item in (fit, other))
    assert one["factor"] == pytest.approx(two["factor"], rel=1e-12)
