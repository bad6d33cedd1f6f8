"""Options of what a budget is, what it costs, and what it must stay within."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.commands.options import count_option
from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    from bayes_scaling.decisions.limits import Limits
    from bayes_scaling.decisions.rig import Rig

Accelerator = Annotated[str, typer.Option(help="Accelerator, such as h100 or tpu-v5e.")]
Peak = Annotated[
    float | None, typer.Option(help="Its peak in FLOP/s, where the table does not have it.")
]
Utilisation = Annotated[float, typer.Option(help="Share of the peak that training reaches.")]
Price = Annotated[float | None, typer.Option(help="Price of an accelerator-hour.")]
Overhead = Annotated[
    float, typer.Option(help="Compute lost to restarts and failed runs, relative to the run's.")
]
Hours = Annotated[list[float] | None, typer.Option(help="Budget in accelerator-hours.")]
Money = Annotated[list[float] | None, typer.Option(help="Budget in the currency of the price.")]
MinParams = Annotated[float | None, count_option(help="Least params to choose.")]
MaxParams = Annotated[float | None, count_option(help="Most params, such as fit a device.")]
MinTokens = Annotated[float | None, count_option(help="Least tokens to choose.")]
MaxTokens = Annotated[float | None, count_option(help="Most tokens, such as are on hand.")]
Served = Annotated[
    float,
    count_option(
        "--inference-tokens",
        help="Tokens the model will serve over its life; the budget then includes serving them.",
    ),
]


def read_limits(
    *,
    min_params: float | None,
    max_params: float | None,
    min_tokens: float | None,
    max_tokens: float | None,
    inference_tokens: float,
) -> Limits:
    """Return the limits that were given."""
    from bayes_scaling.decisions.limits import Limits

    given = {
        "min_params": min_params, "max_params": max_params,
        "min_tokens": min_tokens, "max_tokens": max_tokens,
    }  # fmt: skip
    known = {name: value for name, value in given.items() if value is not None}
    return Limits(**known, inference_tokens=inference_tokens)


def read_budgets(
    flops: list[float] | None,
    hours: list[float] | None,
    money: list[float] | None,
    rig: Rig,
) -> list[float] | None:
    """Return budgets in FLOP, whichever way they were given; None without any.

    Raises
    ------
    InputError
        They were given in several ways.
    """
    given = [name for name, values in (("--flops", flops), ("--hours", hours), ("--money", money))
             if values]  # fmt: skip
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}: give budgets in one way")
    if not given or flops:
        return flops or None
    found = [rig.flops(hours=each) for each in hours or []]
    return found + [rig.flops(money=each) for each in money or []]
