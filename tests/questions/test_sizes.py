"""What a forecast is asked for: names, completion by 6ND, groups, and every problem at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.questions.forecast import forecast
from bayes_scaling.questions.sizes import Plan, check_read, read_plan
from bayes_scaling.questions.surface import other_inputs
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.counting import complete
from tests.synthetic import changed, synthetic_fit, synthetic_runs

FIT = synthetic_fit()
FAMILIES = synthetic_fit(families=("code", "web"))


def problems(sizes: Any, fit: Fit = FIT) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        read_plan(fit.only, sizes)
    return caught.value.problems


def values(plan: Plan) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in plan.columns.items()}


# ---- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["params", "tokens", "flops"])
def test_any_two_of_params_tokens_and_flops_give_the_third(missing: str) -> None:
    full = {"params": 7e10, "tokens": 1.4e12, "flops": 6 * 7e10 * 1.4e12}
    given = {name: value for name, value in full.items() if name != missing}
    plan = read_plan(FIT.only, given)
    for name, value in full.items():
        assert plan.columns[name] == pytest.approx([value], rel=1e-12)


def test_one_size_alone_is_not_completed() -> None:
    only = {"tokens": np.array([1e9])}
    assert complete(only).columns == only


def test_names_may_be_aliases() -> None:
    fit = synthetic_fit("chinchilla-lr")
    for given in (
        {"N": 1e9, "D": 2e10, "lr": 1e-3},
        {"n_params": 1e9, "C": 1.2e20, "learning_rate": 1e-3},
    ):
        plan = read_plan(fit.only, given)
        assert plan.columns["params"] == pytest.approx([1e9])
        assert plan.columns["tokens"] == pytest.approx([2e10])
        assert plan.columns["learning_rate"] == pytest.approx([1e-3])


def test_a_list_is_broadcast_against_single_numbers() -> None:
    plan = read_plan(FIT.only, {"params": [1e9, 2e9, 3e9], "tokens": 1e10})
    assert len(plan) == 3
    assert values(plan)["tokens"] == [1e10] * 3
    np.testing.assert_allclose(plan.columns["flops"], [6e19, 12e19, 18e19])
    assert plan.labels == ("all", "all", "all")


def test_tables_are_taken_row_by_row() -> None:
    columns = {"params": [1e9, 2e9], "tokens": [1e10, 3e10], "loss": [2.0, 2.1]}
    frame = pd.DataFrame(columns, index=[7, 3])
    for table in (frame, RunTable.from_columns(columns)):
        plan = read_plan(FIT.only, table)
        assert values(plan)["params"] == [1e9, 2e9]
        assert values(plan)["tokens"] == [1e10, 3e10]
        assert len(plan) == 2


def test_the_fitted_runs_themselves_can_be_asked_about() -> None:
    plan = read_plan(FAMILIES.only, FAMILIES.runs)
    assert plan.labels == tuple(FAMILIES.runs["family"])
    np.testing.assert_array_equal(plan.columns["flops"], FAMILIES.runs["flops"])


# ---- groups --------------------------------------------------------------------------------------


def test_groups_by_name() -> None:
    sizes = {"params": 1e9, "tokens": 1e10}
    plan = read_plan(FAMILIES.only, {**sizes, "family": ["web", "code", "web"]})
    assert plan.labels == ("web", "code", "web")
    assert plan.group.tolist() == [1, 0, 1]
    assert read_plan(FAMILIES.only, {**sizes, "family": "web"}).group.tolist() == [1]
    assert read_plan(FIT.only, sizes).group.tolist() == [0]


def test_a_group_must_be_said_where_they_differ_and_be_known() -> None:
    sizes = {"params": 1e9, "tokens": 1e10}
    (problem,) = problems(sizes, FAMILIES)
    assert "say which family, one of code, web" in problem
    found = problems({**sizes, "family": ["web", "books", "prose"]}, FAMILIES)
    assert len(found) == 2
    assert "'books'" in found[0]
    assert "'prose'" in found[1]
    assert "known are code, web" in found[0]


# ---- problems ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"params": 1e9}, "needs 'tokens'"),
        ({"flops": 1e20}, "needs 'params' and 'tokens'"),
        ({}, "needs 'params' and 'tokens'"),
        ({"params": 0.0, "tokens": 1e9}, "'params' must be positive"),
        ({"params": [1e9, -3.0], "tokens": 1e9}, "got -3"),
        ({"params": np.inf, "tokens": 1e9}, "'params' must be positive and finite"),
        ({"params": None, "tokens": 1e9}, "'params' must be"),
        ({"params": "many", "tokens": 1e9}, "got 'many'"),
        ({"params": [], "tokens": 1e9}, "'params' must be one number or a list"),
        ({"params": [[1e9]], "tokens": 1e9}, "'params' must be one number or a list"),
        ({"params": [1e9, 2e9], "tokens": [1e9] * 3}, "2 values, others have 3"),
        ({"N": 1e9, "params": 1e9, "tokens": 1e9}, "both mean 'params'"),
        ([1e9, 1e10], "must be a mapping"),
        (1e9, "must be a mapping"),
    ],
)
def test_what_is_wrong_with_sizes(given: Any, message: str) -> None:
    (problem,) = problems(given)
    assert message in problem


def test_every_problem_of_the_values_is_named_at_once() -> None:
    found = problems(
        {"params": -1.0, "tokens": "x", "flops": [1e20, 2e20], "lr": [1, 2, 3]},
        synthetic_fit("chinchilla-lr"),
    )
    assert len(found) == 3
    for name in ("'params'", "'tokens'", "'flops'"):
        assert sum(name in problem for problem in found) == 1


def test_what_is_missing_and_the_group_are_named_at_once() -> None:
    found = problems({"params": 1e9, "family": "books"}, FAMILIES)
    assert len(found) == 2
    assert "needs 'tokens'" in found[0]
    assert "'books'" in found[1]


def test_an_unknown_name_is_an_error_that_suggests_the_nearest() -> None:
    fit = synthetic_fit("chinchilla-lr")
    with pytest.raises(InputError, match="learning_rate"):
        fit.forecast({"params": 1e9, "tokens": 1e10, "learning_rte": 1e-3})


def test_three_sizes_that_disagree_are_said(recwarn: Any) -> None:
    with pytest.raises(InputError, match="6"):
        synthetic_fit().forecast({"params": 1e9, "tokens": 1e10, "flops": 1e21})


def test_groups_by_a_number() -> None:
    model = load_model("chinchilla").pooled_by("context_length")
    runs = synthetic_runs(load_model("chinchilla"), families=("a", "b"))
    columns = dict(runs.columns)
    columns["context_length"] = np.where(runs["family"] == "a", 512.0, 2048.0)
    base = synthetic_fit(families=("a", "b"))
    fit = changed(base, model=model, runs=RunTable(columns=columns), groups=("2048", "512"))
    sizes = {"params": 1e9, "tokens": 1e10}
    assert fit.forecast({**sizes, "context_length": 512}).plan.labels == ("512",)
    assert fit.forecast({**sizes, "context_length": 512.0}).plan.labels == ("512",)
    assert len(fit.forecast(fit.runs).rows()) == len(fit.runs)


@pytest.mark.parametrize(
    ("law", "given"),
    [
        ("kaplan-2020-ns", {"params": 1e9, "steps": 1e5, "batch_size": 5e5}),
        ("hoffmann-2022", {"params": 1e9, "tokens": 2e10, "width": [10, 20]}),
        ("hoffmann-2022", {"params": 1e9, "tokens": 2e10, "lr": 1e-3}),
    ],
)
def test_a_setting_that_no_law_reads_is_refused_and_not_dropped(law: str, given: Any) -> None:
    name = {"lr": "learning_rate"}.get(list(given)[-1], list(given)[-1])
    with pytest.raises(InputError, match=f"'{name}' changes nothing: {law} reads params, "):
        bs.published(law).forecast(given)


def test_of_an_average_one_law_that_reads_a_setting_is_enough() -> None:
    fit = synthetic_fit("chinchilla-lr")
    given = {"params": 1e9, "tokens": 1e10, "learning_rate": 1e-3}
    check_read([synthetic_fit().leading, fit.leading], given)
    with pytest.raises(InputError, match="learning_rate"):
        check_read([synthetic_fit().leading], given)
    check_read([synthetic_fit().leading], {**given, "learning_rate": "high", "loss": 3.0})
    check_read([synthetic_fit().leading], fit.runs)


@pytest.mark.parametrize("experts", [0.5, [8.0, 0.5]])
def test_fewer_than_one_expert_are_refused(experts: Any) -> None:
    law = bs.published("clark-2022")
    with pytest.raises(InputError, match=r"'experts' must be 1 or more .* got 0\.5"):
        law.forecast({"params": 1e9, "experts": experts})
    assert law.forecast({"params": 1e9, "experts": 1.0}).noise_free.size == 1
    values, (problem,) = other_inputs(["experts"], {"experts": 0.5}, "moe-joint")
    assert not values
    assert "'experts' must be 1 or more" in problem


def test_other_counts_of_a_size_and_results_may_stand_beside_it() -> None:
    given = {"params": 1e9, "params_nonembedding": 8e8, "tokens": 1e10, "loss": 3.0}
    assert synthetic_fit().forecast(given).noise_free.shape[1] == 1


def test_all_questions_of_a_run_refuse_what_is_not_read_and_a_plan_may_carry_its_clock() -> None:
    given = {"params": 1e9, "tokens": 1e10, "steps": 1e4}
    for ask in (FIT.forecast, FIT.sensitivity, FIT.power_scaling, FIT.exponents):
        with pytest.raises(InputError, match="'steps' changes nothing"):
            ask(given)
    assert forecast(FIT, given).noise_free.shape[1] == 1
