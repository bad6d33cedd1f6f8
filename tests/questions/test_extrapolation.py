"""How far answers lie beyond the runs: in compute and every input, by the runs of the group."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.fitting import ensemble_of
from bayes_scaling.runs import RunTable
from tests.synthetic import changed, synthetic_fit


def test_extrapolation_is_counted_from_the_runs_of_the_own_group() -> None:
    fit = synthetic_fit(families=("code", "web"))
    web = fit.runs.labels("family") == "web"
    larger = {
        name: np.where(web, factor * fit.runs[name], fit.runs[name])
        for name, factor in (("params", 10.0), ("tokens", 10.0), ("flops", 100.0))
    }
    fit = changed(fit, runs=RunTable(columns={**fit.runs.columns, **larger}))
    asked = {"params": 7e10, "tokens": 1.4e12}
    both = fit.forecast({**asked, "family": ["code", "web"]})
    for name, factor in (("params", 10.0), ("tokens", 10.0), ("flops", 100.0)):
        code, own = both.extrapolation[name]
        assert code == pytest.approx(np.log(asked.get(name, 5.88e23) / fit.runs[name][~web].max()))
        assert own == pytest.approx(max(0.0, code - np.log(factor)))
    splits = [fit.allocate(flops=[1e20, 1e24], family=label) for label in ("code", "web")]
    np.testing.assert_allclose(splits[0].extrapolation["flops"], [0.0, np.log(1e3)])
    np.testing.assert_allclose(splits[1].extrapolation["flops"], [0.0, np.log(10)])


def test_every_answer_of_an_ensemble_lies_as_far_beyond_as_the_farthest_member_says() -> None:
    grouped = synthetic_fit("chinchilla", families=("code", "web"))
    code = grouped.runs.labels("family") == "code"
    smaller = {
        name: np.where(code, grouped.runs[name] / factor, grouped.runs[name])
        for name, factor in (("params", 10.0), ("tokens", 10.0), ("flops", 100.0))
    }
    runs = RunTable(columns={**grouped.runs.columns, **smaller})
    grouped = changed(grouped, runs=runs)
    alike = synthetic_fit("coupled", families=("code", "web"))
    alike = changed(
        alike,
        runs=runs,
        draws={n: each[..., 0] if each.ndim == 3 else each for n, each in alike.draws.items()},
    )
    same = {"runs_hash": runs.content_hash}
    fits = [changed(fit, provenance={**fit.provenance, **same}) for fit in (grouped, alike)]
    ensemble = ensemble_of(fits, weights={"chinchilla": 1, "coupled": 3})
    assert ensemble.leading.model.id == "coupled"
    split = ensemble.allocate(flops=1e22, family="code")
    sizes = {name: float(np.median(getattr(split, name))) for name in ("params", "tokens")}
    planned = ensemble.forecast({**sizes, "family": "code"})
    reached = ensemble.reach(float(np.median(split.loss)), params=sizes["params"], family="code")
    beyond = np.log(1e22 / runs["flops"][code].max())
    assert split.extrapolation["flops"][0] == pytest.approx(beyond)
    assert planned.extrapolation["flops"][0] == pytest.approx(beyond, abs=0.01)
    for name in ("params", "tokens"):
        np.testing.assert_allclose(split.extrapolation[name], planned.extrapolation[name])
    assert reached.extrapolation["params"] == pytest.approx(planned.extrapolation["params"])


@pytest.mark.parametrize(
    ("model", "asked", "names"),
    [
        ("chinchilla", {"params": 7e10, "tokens": 1.4e12}, {"flops", "params", "tokens"}),
        ("kaplan-c", {"flops": 1e24}, {"flops"}),
        ("kaplan-c", {"params": 7e10, "tokens": 1.4e12}, {"flops"}),
        ("saturating-m2", {"tokens": 1.4e12}, {"tokens"}),
        ("saturating-m2", {"params": 7e10, "tokens": 1.4e12}, {"flops", "params", "tokens"}),
        ("saturating-m2-n", {"params": 7e10}, {"params"}),
    ],
)
def test_extrapolation_is_known_in_compute_and_every_input(
    model: str, asked: dict[str, float], names: set[str]
) -> None:
    """Compute is not known of a law in tokens alone unless the question tells the params."""
    row = synthetic_fit(model).forecast(asked).rows()[0]
    assert {name for name in row if name.startswith("efolds_")} == {f"efolds_{n}" for n in names}
    assert all(row[f"efolds_{name}"] > 1 for name in names)


def test_extrapolation_in_compute_is_known_of_a_table_without_flops() -> None:
    fit = synthetic_fit()
    columns = {name: values for name, values in fit.runs.columns.items() if name != "flops"}
    bare = changed(fit, runs=RunTable(columns=columns))
    asked = {"params": 7e10, "tokens": 1.4e12}
    for one, other in (
        (bare.forecast(asked), fit.forecast(asked)),
        (bare.allocate(flops=1e24), fit.allocate(flops=1e24)),
    ):
        assert set(one.extrapolation) == {"flops", "params", "tokens"}
        for name, values in one.extrapolation.items():
            assert values == pytest.approx(other.extrapolation[name])
