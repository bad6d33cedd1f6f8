"""Commands that ask about runs to come: ``forecast`` and ``allocate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_scaling.commands.answers import answering, judge
from bayes_scaling.commands.console import answer_dict, print_json, print_rows, say, warn_of_checks
from bayes_scaling.commands.options import (
    Computes,
    Family,
    Furthest,
    Inputs,
    Json,
    Many,
    NewGroup,
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
from bayes_scaling.commands.tables import read_table
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.papers import Answerer
    from bayes_scaling.questions import Allocation, Forecast


def show(
    fit: Answerer,
    result: Forecast | Allocation,
    *,
    furthest: float | None = None,
    as_json: bool,
) -> None:
    """Print a forecast or an allocation, and judge what it rests on."""
    from bayes_scaling.commands.features import exponents_at, print_exponents, tempered
    from bayes_scaling.papers import PublishedLaw

    drifting = None if isinstance(fit, PublishedLaw) else exponents_at(fit, result)
    weighed = "" if isinstance(fit, PublishedLaw) else tempered(fit)
    if as_json:
        features = {"exponents": drifting.rows() if drifting else [], "tempered": weighed}
        print_json(answer_dict(fit, result) | features)
    else:
        print_rows(fit, result)
        if drifting:
            print_exponents(drifting)
        if weighed:
            print(f"\n{weighed}")
    beyond = max(_efolds(row) for row in result.rows())
    if furthest is not None and beyond > furthest:
        warn_of_checks(fit)
        say(f"warning: {beyond:.1f} e-folds beyond the fitted runs, more than {furthest:g}")
        raise typer.Exit(2)
    judge(fit)


def _efolds(row: Mapping[str, Any]) -> float:
    """Return how far a row lies beyond the fitted runs: in compute, or in what the law reads."""
    beyond = {name: value for name, value in row.items() if name.startswith("efolds_")}
    return float(beyond.get("efolds_flops", max(beyond.values(), default=0.0)))


def forecast(
    fit: Source,
    runs: Annotated[
        str | None,
        typer.Option(help="A table of sizes, one row per run, in place of sizes; needs no loss."),
    ] = None,
    params: Many = None,
    tokens: Many = None,
    flops: Computes = None,
    learning_rate: Many = None,
    family: Family = None,
    new_group: NewGroup = None,
    inputs: Inputs = None,
    tuning: Annotated[
        Literal["tuned", "typical"],
        typer.Option(help="Tuned to its best, or as the fitted runs typically were."),
    ] = "tuned",
    probability: Probability = PROBABILITY,
    max_extrapolation: Furthest = None,
    register: Annotated[
        bool, typer.Option("--register", help="Put the forecast on record, to be scored later.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Forecast the loss of runs of any size.

    Example: bayes-scaling forecast fit.nc --params 70B --tokens 1.4T
    """
    result, family = _with_group(fit, family, new_group)
    sizes: dict[str, Any] = {
        "params": params,
        "tokens": tokens,
        "flops": flops,
        "learning_rate": learning_rate,
        result.leading.reads.group: family,
        **read_settings(inputs),
    }
    given = {name: value for name, value in sizes.items() if value is not None}
    if runs is not None:
        if given:
            raise InputError(f"give a table of runs, or sizes, not both: --runs and {_said(given)}")
        table = read_table(runs, None, None, needs_loss=False)
        answer = result.forecast(table, tuning=tuning, probability=probability)
        show(result, answer, furthest=max_extrapolation, as_json=as_json)
        return
    for line in _not_read(result, given):
        say(f"note: {line}")
    answer = result.forecast(given, tuning=tuning, probability=probability)
    if register:
        _register(result, answer, Path(fit))
    show(result, answer, furthest=max_extrapolation, as_json=as_json)


def _said(given: Mapping[str, Any]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in given)


def _not_read(fit: Answerer, given: Mapping[str, Any]) -> list[str]:
    """Say which of the sizes that were given no model of the fit reads, so that they do nothing."""
    from bayes_scaling.papers import PublishedLaw

    if isinstance(fit, PublishedLaw):
        return []
    read = {name for each in fit.members.values() for name in each.model.inputs}
    if "flops" in read:
        return []
    sizes = [name for name in ("params", "tokens") if name in given and name not in read]
    has = " and ".join(sorted(read & {"params", "tokens", "steps", "width"})) or "other inputs"
    return [
        f"this fit reads {has} alone; {name} do not change the answer, whatever is given: fit a "
        f"table with {name} for a law that reads them"
        for name in sizes
    ]


def _register(fit: Answerer, answer: Forecast, path: Path) -> None:
    """Put a forecast on the record beside the fit."""
    from bayes_scaling.papers import PublishedLaw
    from bayes_scaling.questions.record import NAME, register

    if isinstance(fit, PublishedLaw):
        raise InputError(f"--register keeps forecasts beside a saved fit; {fit.id} is none")

    record = path.with_name(NAME)
    for line in register(fit, answer, record):
        say(f"note: on record in {record} as {line}; 'bayes-scaling score' judges it")


def _with_group(
    name: str, family: str | None, new_group: str | None
) -> tuple[Answerer, str | None]:
    """Return what answers, and the group that is asked about."""
    from bayes_scaling.papers import PublishedLaw

    result = answering(name)
    if new_group is None:
        return result, family
    if family is not None:
        raise InputError("--family asks for a group of the fit, --new-group for another; give one")
    if isinstance(result, PublishedLaw):
        raise InputError(f"{name} is one published law and has no groups: leave out --new-group")
    return result.with_new_group(new_group), new_group


def allocate(
    fit: Source,
    flops: Computes = None,
    hours: Hours = None,
    money: Money = None,
    params: Many = None,
    tokens: Many = None,
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
    accelerator: Accelerator = "h100",
    peak: Peak = None,
    utilisation: Utilisation = 0.4,
    price: Price = None,
    overhead: Overhead = 0.0,
    family: Family = None,
    new_group: NewGroup = None,
    inputs: Inputs = None,
    probability: Probability = PROBABILITY,
    max_extrapolation: Furthest = None,
    as_json: Json = False,
) -> None:
    """Find the best split of a budget, or the size that goes with given params or tokens.

    Example: bayes-scaling allocate fit.nc --flops 1e23 --max-tokens 2T
    """
    from bayes_scaling.questions.rig import Rig

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
    result, family = _with_group(fit, family, new_group)
    answer = result.allocate(
        flops=read_budgets(flops, hours, money, rig),
        params=params,
        tokens=tokens,
        family=family,
        inputs=read_settings(inputs),
        limits=limits,
        probability=probability,
    )
    show(result, answer, furthest=max_extrapolation, as_json=as_json)
