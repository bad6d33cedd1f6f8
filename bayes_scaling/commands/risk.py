"""The command ``risk``: chance of a target, what a split loses, cost and decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.answers import answering, judge
from bayes_scaling.commands.console import (
    beyond,
    checks_list,
    named,
    print_json,
    print_table,
    row_text,
)
from bayes_scaling.commands.options import (
    Computes,
    Family,
    Inputs,
    Json,
    Many,
    Probability,
    Source,
    read_settings,
)
from bayes_scaling.commands.planning import (
    Accelerator,
    BytesPerParam,
    DeviceMemory,
    Devices,
    Hours,
    KvCache,
    MaxBatch,
    MaxParams,
    MaxSteps,
    MaxTokens,
    Menu,
    MinParams,
    MinTokens,
    Money,
    Overhead,
    Peak,
    Price,
    Served,
    Utilisation,
    read_budgets,
    read_limits,
)
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.papers import Answerer
    from bayes_scaling.questions.risk import Risk


def risk(
    fit: Source,
    flops: Computes = None,
    hours: Hours = None,
    money: Money = None,
    params: Many = None,
    tokens: Many = None,
    target_loss: Annotated[float | None, typer.Option(help="Loss a run should reach.")] = None,
    sure: Annotated[float, typer.Option(help="Probability that a sufficient budget is for.")] = 0.9,
    value: Annotated[
        float | None, typer.Option(help="What the target is worth, for a decision.")
    ] = None,
    accelerator: Accelerator = "h100",
    peak: Peak = None,
    utilisation: Utilisation = 0.4,
    price: Price = None,
    overhead: Overhead = 0.0,
    min_params: MinParams = None,
    max_params: MaxParams = None,
    min_tokens: MinTokens = None,
    max_tokens: MaxTokens = None,
    max_steps: MaxSteps = None,
    max_batch: MaxBatch = None,
    menu: Menu = None,
    device_memory: DeviceMemory = None,
    devices: Devices = None,
    bytes_per_param: BytesPerParam = None,
    kv_cache: KvCache = None,
    inference_tokens: Served = 0.0,
    plan: Annotated[
        Path | None, typer.Option(help="A plan that says all this; 'plan' writes one to fill.")
    ] = None,
    family: Family = None,
    inputs: Inputs = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell the chance that a run reaches a loss, and what its split and its price risk.

    Example: bayes-scaling risk fit.nc --flops 1e23 --target-loss 2.0 --price 2.5
    """
    from bayes_scaling.questions.rig import Rig

    if plan is not None:
        asked = (flops, hours, money, params, tokens, target_loss, value, price, family)
        if any(each is not None for each in asked):
            raise InputError("--plan says what is asked: leave out the other options, or the plan")
        _risk_of_plan(answering(fit), plan, probability, as_json=as_json)
        return
    rig = Rig(accelerator=accelerator, peak=peak, utilisation=utilisation, price=price,
              overhead=overhead)  # fmt: skip
    limits = read_limits(
        {"min_params": min_params, "max_params": max_params, "min_tokens": min_tokens,
         "max_tokens": max_tokens, "max_steps": max_steps, "max_batch": max_batch,
         "inference_tokens": inference_tokens},
        menu,
        {"memory": device_memory, "count": devices, "bytes_per_param": bytes_per_param,
         "cache": kv_cache},
    )  # fmt: skip
    source = answering(fit)
    found = source.risk(
        flops=read_budgets(flops, hours, money, rig), params=params, tokens=tokens,
        target_loss=target_loss, sure=sure, family=family,
        inputs=read_settings(inputs), limits=limits,
        rig=rig, value=value, probability=probability
    )  # fmt: skip
    _finish(source, found, (), as_json=as_json)


def _risk_of_plan(source: Answerer, path: Path, probability: float, *, as_json: bool) -> None:
    """Answer a plan, what does not match first."""
    from bayes_scaling.questions.run_plan import read_run_plan

    plan = read_run_plan(path)
    found = source.risk(**plan.asked, probability=probability)
    if not as_json:
        print(f"{plan.title}\n")
    _finish(source, found, plan.unmatched, as_json=as_json)


def _finish(source: Answerer, found: Risk, unmatched: tuple[str, ...], *, as_json: bool) -> None:
    """Print a result, and judge the fit it rests on."""
    if as_json:
        print_json(_as_dict(source, found) | {"unmatched": list(unmatched)})
    else:
        for line in unmatched:
            print(f"not in any interval below: {line}")
        if unmatched:
            print()
        _print(found)
    judge(source)


def _as_dict(source: Answerer, found: Risk) -> dict[str, Any]:
    beats = found.beats.tolist() if found.flops.size > 1 else []
    return {**named(source), "rows": found.rows(), "beats": beats, "checks": checks_list(source)}


def _print(found: Risk) -> None:
    """Print one block per run, and which of several beats which."""
    for index, row in enumerate(found.rows()):
        if index:
            print()
        for name, text in _lines(row):
            print(f"{name:22s} {text}")
    count = found.flops.size
    if count > 1:
        print()
        named = [f"run {i + 1}" for i in range(count)]
        cells = [["" if i == j else f"{found.beats[i, j]:.2f}" for j in range(count)]
                 for i in range(count)]  # fmt: skip
        rows = [[name, *row] for name, row in zip(named, cells, strict=True)]
        print_table(rows, ("chance of a lower loss than", *named))


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        ("params N", f"{row['params']:.4g}"),
        ("tokens D", f"{row['tokens']:.4g}"),
        ("compute C [FLOP]", f"{row['flops']:.4g}"),
    ]
    known = "kind" in row  # else it is the one number of a published law
    if "chance" in row:
        worst = f"; {row['chance_of_it']:.3g} by {row['most_pessimistic']}, the most pessimistic"
        chance = f"{row['chance']:.3g} ({row['in_words']}){worst}"
        enough = row["enough_flops"]
        needed = f"{enough:.3g} FLOP" if enough < float("inf") else "no budget does"
        lines += [
            ("chance of target", chance) if known else ("target", row["in_words"]),
            ("loss over target", row_text(row, "overshoot")),
            (f"{row['sure']:.0%} sure takes" if known else "target takes", needed),
        ]
    regret, extra = row_text(row, "regret"), f"{row_text(row, 'extra_flops')} of the best split's"
    if known:
        regret += f", {row['expected_regret']:.2g} expected"
        extra += f", {row['expected_extra_flops']:.2g} expected"
    lines += [
        ("new run" if known else "noise-free loss", row_text(row, "new_run")),
        ("regret of the split", regret),
        ("compute it wastes", extra),
    ]
    if row.get("hours") is not None:
        lines.append(("accelerator-hours", f"{row['hours']:.3g}"))
    if row.get("money") is not None:
        lines.append(("cost", f"{row['money']:.3g}, of it wasted {row['regret_money']:.2g}"))
    if "decision" in row:
        lines.append(("decision", f"{row['decision']} (expected gain {row['expected_gain']:.3g})"))
    return [*lines, ("extrapolation", beyond(row))] if known else lines
