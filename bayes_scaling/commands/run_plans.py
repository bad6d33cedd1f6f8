"""Commands around the decision on a big run: ``plan``, ``stage-gate`` and ``advise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.answers import answering, judge
from bayes_scaling.commands.console import checks_list, print_json, row_text
from bayes_scaling.commands.options import (
    Family,
    Json,
    Probability,
    Source,
    compute_option,
    count_option,
    text_option,
)
from bayes_scaling.commands.planning import Accelerator, Overhead, Peak, Price, Utilisation
from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.papers import Answerer

Budget = Annotated[float, compute_option(help="Budget of the big run.")]
Sure = Annotated[float, typer.Option(help="Probability with which the target should be reached.")]

BYTES_PER_TOKEN = 4.0
"""Bytes of English text per token of a vocabulary of some ten thousands, about."""


def plan(
    path: Annotated[Path, typer.Argument(help="The TOML file to write.")] = Path("plan.toml"),
    as_json: Json = False,
) -> None:
    """Write a plan to fill in: the run, its limits and price, and what must be equal.

    Example: bayes-scaling plan big.toml
    """
    from bayes_scaling.questions.run_plan import TEMPLATE

    check_target(path)
    if path.exists():
        raise InputError(f"{str(path)!r} is there already; remove it, or give another name")
    path.write_text(TEMPLATE + "\n", encoding="utf-8")
    if as_json:
        print_json({"plan": str(path)})
    else:
        print(f"wrote {path}; fill it in, then: bayes-scaling risk FIT --plan {path}")


def stage_gate(
    fit: Source,
    flops: Budget,
    target_loss: Annotated[float, typer.Option(help="Loss the big run should reach.")],
    share: Annotated[
        float, typer.Option(help="Compute of the first run over the big one's.")
    ] = 0.1,
    value: Annotated[float | None, typer.Option(help="What the target is worth.")] = None,
    accelerator: Accelerator = "h100",
    peak: Peak = None,
    utilisation: Utilisation = 0.4,
    price: Price = None,
    overhead: Overhead = 0.0,
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell what a smaller run, made first, would tell of the big one, and whether it pays.

    Example: bayes-scaling stage-gate fit.nc --flops 1e23 --target-loss 2.0 --price 2.5 --value 5e6
    """
    from bayes_scaling.questions.rig import Rig

    rig = Rig(accelerator=accelerator, peak=peak, utilisation=utilisation, price=price,
              overhead=overhead)  # fmt: skip
    source = answering(fit)
    found = source.stage_gate(
        flops, target_loss, share=share, family=family, rig=rig, value=value,
        probability=probability,
    )  # fmt: skip
    _print(source, found.rows(), _gate_lines, as_json=as_json)


def advise(
    fit: Source,
    flops: Budget,
    data_bytes: Annotated[float | None, text_option(help="Text on hand: bytes, or 300GB.")] = None,
    data_tokens: Annotated[float | None, count_option(help="The same in tokens.")] = None,
    bytes_per_token: Annotated[float, typer.Option(help="Of the tokenizer.")] = BYTES_PER_TOKEN,
    target_loss: Annotated[float | None, typer.Option(help="Loss to reach.")] = None,
    sure: Sure = 0.9,
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Advise what to train with a budget and the data on hand, on one page.

    Example: bayes-scaling advise fit.nc --flops 1e21 --data-bytes 300GB --target-loss 2.2
    """
    if (data_bytes is None) == (data_tokens is None):
        raise InputError("say what data are on hand: --data-bytes, or --data-tokens")
    if not bytes_per_token > 0:
        raise InputError(f"--bytes-per-token must be above 0, got {bytes_per_token!r}")
    tokens = data_tokens if data_bytes is None else data_bytes / bytes_per_token
    source = answering(fit)
    found = source.advise(
        flops, tokens or 0.0, target_loss=target_loss, sure=sure, family=family,
        probability=probability,
    )  # fmt: skip
    more = {"verdict": found.verdict, "tokens_on_hand": found.tokens, "needed": found.needed}
    _print(source, found.rows(), _advice_lines, more, as_json=as_json)


def _print(
    source: Answerer,
    rows: list[dict[str, Any]],
    lines: Any,
    more: dict[str, Any] | None = None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json({"rows": rows, **(more or {}), "checks": checks_list(source)})
    else:
        for name, text in (("advice", more["verdict"]),) if more else ():
            print(f"{name:26s} {text}\n")
        for row in rows:
            for name, text in lines(row):
                print(f"{name:26s} {text}")
    judge(source)


def _gate_lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    after = row_text(row, "chance_after")
    widths = f"{row['width']:.3g} now, {row['width_after']:.3g} expected after"
    changes = f"with probability {row['changes_decision']:.2f}"
    rule = f"(the big run is made from a chance of {row['go_from']:.2f})"
    lines = [
        ("first run", f"N {row['first_params']:.3g}, D {row['first_tokens']:.3g}, "
                      f"{row['first_flops']:.3g} FLOP"),
        ("big run", f"N {row['params']:.3g}, D {row['tokens']:.3g}, {row['flops']:.3g} FLOP"),
        ("chance of target now", f"{row['chance']:.3g} of reaching {row['target']:.4g}"),
        ("chance after the first run", after),
        ("width of the interval", widths),
        ("changes the decision", f"{changes} {rule}"),
    ]  # fmt: skip
    if "first_money" in row:
        lines.append(("cost", f"{row['first_money']:.3g} first, {row['money']:.3g} the big run"))
    if "value_of_first" in row:
        lines.append(("what it tells is worth", f"{row['value_of_first']:.3g}, less its cost "
                      f"{row['gain_of_first']:.3g}"))  # fmt: skip
    return lines


def _advice_lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        (f"data {row['data']}", f"N {row['params']:.3g}, D {row['tokens']:.3g}"),
        ("  loss of a new run", row_text(row, "new_run")),
    ]
    if "chance" in row:
        lines.append(("  chance of target", f"{row['chance']:.3g} ({row['in_words']})"))
    return lines
