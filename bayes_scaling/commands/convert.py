"""The command ``convert``: compute and data in the units people use."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_scaling.commands.console import print_json, print_table
from bayes_scaling.commands.options import Json, count_option
from bayes_scaling.commands.planning import Accelerator, Overhead, Peak, Price, Utilisation


def convert(
    amount: Annotated[
        str, typer.Argument(help="Such as '100 PF-days', '300 GB' or '1.4T tokens'.")
    ],
    per_token: Annotated[
        float | None, typer.Option(help="Bytes (or characters) that a token stands for.")
    ] = None,
    sequence_length: Annotated[float | None, count_option(help="Tokens of a sequence.")] = None,
    accelerator: Accelerator = "h100",
    peak: Peak = None,
    utilisation: Utilisation = 0.4,
    price: Price = None,
    overhead: Overhead = 0.0,
    as_json: Json = False,
) -> None:
    """Convert compute (FLOP, PF-days, accelerator-hours) or data (bytes, sequences, tokens).

    Example: bayes-scaling convert '300 GB' --per-token 4.2
    """
    from bayes_scaling.questions.rig import Rig
    from bayes_scaling.questions.units import BYTES, flops_of, is_compute, tokens_of
    from bayes_scaling.runs.amounts import COMPUTE

    found: dict[str, float] = {}
    if is_compute(amount):
        rig = Rig(accelerator=accelerator, peak=peak, utilisation=utilisation, price=price,
                  overhead=overhead)  # fmt: skip
        flops = flops_of(amount, rig=rig)
        name = accelerator if peak is None else "accelerator"
        found |= {"FLOP": flops, "PF-days": flops / COMPUTE["pf-day"]}
        found[f"{name}-hours"] = rig.hours(flops)
        if price is not None:
            found["money"] = rig.money(flops) or 0.0
    else:
        tokens = tokens_of(amount, per_token=per_token, sequence_length=sequence_length)
        found["tokens"] = tokens
        if per_token:
            found["GB"] = tokens * per_token / BYTES["gb"]
        if sequence_length:
            found["sequences"] = tokens / sequence_length
    if as_json:
        print_json({"amount": amount, **found})
    else:
        print_table([[name, f"{value:.4g}"] for name, value in found.items()], (amount, ""))
