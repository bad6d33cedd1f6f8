"""nano-arms, nano-recurrent and nano-context: one thing different, the rest as in nano-lm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.datasets.nano_lm.plan import Planned, RateRule
from bayes_scaling.datasets.nano_lm.transformer import (
    CONTEXT,
    MICRO,
    STANDARD,
    Shape,
    Variant,
    check_shape,
)
from bayes_scaling.datasets.nano_lm.variant_sweep import (
    ARM_CELLS,
    ARM_TRUTH,
    ARMS,
    CONTEXT_SIZES,
    CONTEXT_TOKENS,
    CONTEXTS,
    RECURRENT,
    RECURRENT_LINES,
    RECURRENT_SWEPT,
    arm_runs,
    context_runs,
    nano_lm_rows,
    recurrent_lines,
    recurrent_sweeps,
)

VARIANTS = (STANDARD, RECURRENT, Variant(tied=False))


def row_of(run: Planned, loss: float) -> dict[str, Any]:
    return {
        "family": run.family, "purpose": run.purpose, "width": run.width, "depth": run.depth,
        "params": run.shape.params, "tokens": run.tokens, "seed": run.seed, "loss": loss,
        "budget": run.budget, "learning_rate": run.learning_rate,
    }  # fmt: skip


def test_every_cell_of_an_arm_is_one_of_nano_lm_at_the_same_rate() -> None:
    cells = [
        (w, d, c, p) for c, each in {**ARM_CELLS, **ARM_TRUTH}.items() for w, d, p in each
    ]  # fmt: skip
    for w, d, c, p in cells:
        found = nano_lm_rows("baseline", lambda row: row[:3] == (w, d, c))  # noqa: B023
        rates = [math.log2(float(row["learning_rate"])) for row in found]
        assert any(abs(rate - p) < 1e-3 for rate in rates), (w, d, c, p)


def test_an_arm_differs_from_the_baseline_in_one_thing() -> None:
    runs = arm_runs({**ARM_CELLS, **ARM_TRUTH})
    assert len({run.run for run in runs}) == len(runs) == len(ARMS) * (13 + 2)
    default = Planned(width=16, depth=1, budget=1e10, learning_rate=1.0, purpose="arm")
    for run in runs:
        fields = ("seed", "weight_decay", "variant")
        differ = [name for name in fields if getattr(run, name) != getattr(default, name)]
        assert differ == list(ARMS[run.family])


def test_the_search_of_rates_ends_with_the_best_inside_and_lines_follow_its_rule() -> None:
    rows: list[dict[str, Any]] = []
    best = 2.0**-6
    for _ in range(200):
        known = {(r["width"], r["depth"], r["budget"], r["learning_rate"]) for r in rows}
        waiting = [
            run
            for run in recurrent_sweeps(rows)
            if (run.width, run.depth, run.budget, run.learning_rate) not in known
        ]
        if not waiting:
            break
        rows.append(row_of(waiting[0], 2 + 0.1 * math.log2(waiting[0].learning_rate / best) ** 2))
    for budget, sizes in RECURRENT_SWEPT.items():
        for size in sizes:
            own = [r for r in rows if (r["width"], r["depth"], r["budget"]) == (*size, budget)]
            assert {best / 2, best, best * 2} <= {row["learning_rate"] for row in own}
    lines = recurrent_lines(rows)
    assert len(lines) == sum(len(sizes) for sizes in RECURRENT_LINES.values())
    rule = RateRule.fit(rows)
    assert all(r.learning_rate == rule.rate((r.width, r.depth), r.budget) for r in lines)
    assert all(run.variant == RECURRENT for run in lines)


def test_every_context_reads_as_many_bytes() -> None:
    runs = context_runs()
    assert len(runs) == len({run.run for run in runs}) == len(CONTEXTS) * len(CONTEXT_SIZES)
    assert not [problem for run in runs for problem in check_shape(run.shape)]
    np.testing.assert_allclose([run.tokens for run in runs], CONTEXT_TOKENS, rtol=0.01)
    assert {run.variant.at_once * run.variant.context for run in runs} == {MICRO * CONTEXT}


@pytest.mark.parametrize("context", [0, 100, 1024])
def test_a_context_that_does_not_divide_a_part_is_refused(context: int) -> None:
    shape = Shape(width=16, depth=1, variant=Variant(context=context))
    assert check_shape(shape) == [f"context is {context}; give a power of two up to 512"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_counts_are_those_of_the_weights_that_predict(variant: Variant) -> None:
    jax = pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import initial_state

    shape = Shape(width=16, depth=2, variant=variant)
    weights = jax.eval_shape(lambda: initial_state(shape, 0))[0]
    looked_up = 0 if variant.tied else 256 * 16
    assert sum(leaf.size for leaf in jax.tree.leaves(weights)) == shape.params + looked_up


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_byte_is_predicted_from_a_later_one(variant: Variant) -> None:
    jax = pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm.transformer import initial_state, losses

    shape = Shape(width=16, depth=2, variant=variant)
    weights = initial_state(shape, 0)[0]
    windows = np.random.default_rng(0).integers(0, 256, (2, 33), dtype=np.uint8)
    later = windows.copy()
    later[:, 20:] = 7
    first, second = (np.asarray(jax.jit(losses, static_argnums=0)(shape, weights, w))
                     for w in (windows, later))  # fmt: skip
    np.testing.assert_allclose(first[:, :19], second[:, :19], rtol=1e-5)
    assert (first[:, 20:] != second[:, 20:]).any()


def test_a_recurrence_remembers_as_its_gates_say() -> None:
    pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm import transformer

    rng = np.random.default_rng(0)
    gate, forget, value = rng.standard_normal((3, 2, 10, 4))
    shape = Shape(width=4, depth=1, variant=RECURRENT)
    found = transformer._recurrence(shape, gate, forget, value)
    kept = 1 / (1 + np.exp(-forget - np.linspace(0, math.log(CONTEXT), 4)))
    state, states = np.zeros((2, 4)), []
    for i in range(10):
        state = kept[:, i] * state + (1 - kept[:, i]) * value[:, i]
        states.append(state / np.sqrt(np.mean(state**2, axis=-1, keepdims=True) + 1e-6))
    expected = np.stack(states, axis=1) * gate / (1 + np.exp(-gate))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_losses_by_position_are_of_the_same_bytes() -> None:
    pytest.importorskip("jax")
    from bayes_scaling.datasets.nano_lm import by_position
    from bayes_scaling.datasets.nano_lm.transformer import initial_state

    shape = Shape(width=8, depth=1, variant=Variant(context=8))
    weights = {name: 0 * value for name, value in initial_state(shape, 0)[0].items()}
    text = np.random.default_rng(0).integers(0, 256, 20_000, dtype=np.uint8)
    found = by_position.losses_by_position(shape, weights, text)
    assert list(found) == [1, 2, 3, 4, 6, 8]
    np.testing.assert_allclose(list(found.values()), np.log(256), rtol=1e-5)


def test_the_shipped_tables_are_complete(checkout: Path) -> None:
    text = (checkout / "bayes_scaling" / "datasets" / "README.md").read_text(encoding="utf-8")
    arms, recurrent, context = (
        bs.load_dataset(name) for name in ("nano-arms", "nano-recurrent", "nano-context")
    )
    for runs, file in ((arms, "arms"), (recurrent, "recurrent"), (context, "context")):
        assert f"| {len(runs)} | shipped, `nano_{file}.csv`" in text
    planned = {run.run for run in arm_runs({**ARM_CELLS, **ARM_TRUTH})}
    assert set(arms["run"][arms["family"] != "baseline"]) == planned
    assert np.sum(arms["family"] == "baseline") == len(planned) // len(ARMS)
    cells = {
        (float(c), int(w), int(d))
        for c, w, d, family in zip(
            *(recurrent[name] for name in ("budget", "width", "depth", "family")), strict=True
        )
        if family == "recurrent"
    }
    assert cells == {
        (c, *size) for c, each in {**RECURRENT_SWEPT, **RECURRENT_LINES}.items() for size in each
    }
    assert set(context["run"]) == {run.run for run in context_runs()}
    assert (context["position"] <= context["context_length"]).all()
    for runs in (arms, recurrent):
        np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"], rtol=1e-6)
