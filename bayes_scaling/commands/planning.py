"""Options of what a budget is, what it costs, and what it must stay within."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.options import count_option, text_option
from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    from bayes_scaling.questions.limits import Limits
    from bayes_scaling.questions.rig import Rig

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
MaxSteps = Annotated[float | None, count_option(help="Most steps; with --max-batch.")]
MaxBatch = Annotated[
    float | None, count_option(help="Tokens of the largest batch; with --max-steps.")
]
Menu = Annotated[
    list[float] | None,
    count_option(help="Params of a shape that can be built; several times. Any size without."),
]
DeviceMemory = Annotated[
    float | None, text_option(help="Memory of the device that serves, such as 80GB; bounds params.")
]
Devices = Annotated[int | None, typer.Option(help="Devices that hold one copy of the model.")]
BytesPerParam = Annotated[
    float | None, typer.Option(help="Of the served model: 2 in 16 bits, which is the default.")
]
KvCache = Annotated[
    float | None, text_option(help="Keys and values of all sequences served at once, as 20GB.")
]
Served = Annotated[
    float,
    count_option(
        "--inference-tokens",
        help="Tokens the model will serve over its life; the budget then includes serving them.",
    ),
]


def read_limits(
    given: Mapping[str, float | None],
    menu: list[float] | None,
    device: Mapping[str, float | None],
) -> Limits:
    """Return the limits that were given; a device bounds the params as well.

    Parameters
    ----------
    given : mapping of str to float or None
        By the names of `Limits`.
    menu : list of float, optional
        Params of the shapes that can be built.
    device : mapping of str to float or None
        By the names of `Device`.

    Raises
    ------
    InputError
        A number makes no sense, or a device is described without its memory.
    """
    from bayes_scaling.questions.device import Device
    from bayes_scaling.questions.limits import Limits

    known = {name: value for name, value in given.items() if value is not None}
    described: dict[str, Any] = {n: value for n, value in device.items() if value is not None}
    if described and "memory" not in described:
        raise InputError("--devices, --bytes-per-param and --kv-cache need --device-memory")
    named: dict[str, Any] = {**known, "menu": tuple(menu or ())}
    limits = Limits(**named)
    return limits.on(Device(**described)) if described else limits


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
