"""Commands before a run is asked about: units turned over, and a plan to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.commands.console import print_page, print_table
from bayes_scaling.commands.options import Json, Without, number
from bayes_scaling.commands.streams import print_json
from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target, replacing
from bayes_scaling.intervals import significant
from bayes_scaling.page import page_of
from bayes_scaling.questions.device import Device
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.run_plan import TEMPLATE
from bayes_scaling.questions.serving import serving
from bayes_scaling.questions.units import BYTES, flops_of, is_compute, tokens_of
from bayes_scaling.runs.cells import COMPUTE


def convert(
    *,
    amount: Annotated[
        str, typer.Argument(help="Such as '100 PF-days', '300 GB' or '1.4T tokens'.")
    ],
    per_token: Annotated[
        float | None, number(help="Bytes (or characters) that a token stands for.")
    ] = None,
    sequence_length: Annotated[float | None, number(help="Tokens of a sequence.")] = None,
    rig: Rig,
    as_json: Json = False,
) -> None:
    """Convert compute (FLOP, PF-days, accelerator-hours) or data (bytes, sequences, tokens).

    Example: bayes-scaling convert '300 GB' --per-token 4.2
    """
    found: dict[str, float] = {}
    if is_compute(amount):
        flops = flops_of(amount, rig=rig)
        name = rig.accelerator if rig.peak is None else "accelerator"
        found |= {"FLOP": flops, "PF-days": flops / COMPUTE["pf-day"]}
        found[f"{name}-hours"] = rig.hours(flops)
        if rig.price is not None:
            found["money"] = rig.money(flops) or 0.0
        if rig.watts is not None:
            found["kWh"] = rig.energy(flops) or 0.0
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
        print_table([[name, significant(value)] for name, value in found.items()], (amount, ""))


def serve(
    *,
    params: Annotated[list[float], number(help="Params of the model; several compare.")],
    params_active: Annotated[
        list[float] | None, number(help="Params that a token meets, of routed models.")
    ] = None,
    sequences: Annotated[int, typer.Option(help="Sequences served at once.")] = 1,
    device: Device,
    rig: Annotated[Rig, Without(("overhead",))],
    as_json: Json = False,
) -> None:
    """Tell how fast a device serves a model: seconds a token, tokens a second, energy and money.

    Example: bayes-scaling serve --params 7B --device-memory 80GB --bandwidth 3.35e12
    """
    if device is None:
        raise InputError("a device has a memory and a bandwidth: give --device-memory, --bandwidth")
    found = serving(params, device, rig=rig, params_active=params_active, sequences=sequences)
    if as_json:
        print_json({"rows": found.rows(), "notes": list(found.notes)})
    else:
        print_page(page_of(found))


def plan(
    path: Annotated[Path, typer.Argument(help="The TOML file to write.")] = Path("plan.toml"),
    as_json: Json = False,
) -> None:
    """Write a plan to fill in: the run, its limits and price, and what must be equal.

    Example: bayes-scaling plan big.toml
    """
    check_target(path)
    if path.exists():
        raise InputError(f"{str(path)!r} is there already; remove it, or give another name")
    with replacing(path) as temporary:
        temporary.write_text(TEMPLATE + "\n", encoding="utf-8")
    if as_json:
        print_json({"plan": str(path)})
    else:
        print(f"wrote {path}; fill it in, then: bayes-scaling risk FIT --plan {path}")
