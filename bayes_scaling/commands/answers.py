"""Answers of queries as lines of text and as plain data, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling.commands.console import (
    answer_dict,
    beyond,
    print_json,
    print_table,
    row_interval,
    row_text,
    say,
    warn_of_checks,
)
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import format_kind

if TYPE_CHECKING:
    from bayes_scaling.papers import Answerer
    from bayes_scaling.questions import Answer

CALLED = {
    "params": "params N",
    "tokens": "tokens D",
    "steps": "steps S",
    "flops": "compute C [FLOP]",
    "lifetime_flops": "lifetime compute [FLOP]",
    "batch_size": "batch [tokens]",
    "loss": "noise-free loss",
    "gain": "gain of a doubling",
    "tokens_per_param": "tokens per param",
    "best_params": "best params N*",
    "best_tokens": "best tokens D*",
    "tokens_for_params": "tokens best for N",
    "loss_lost": "loss lost",
    "flops_enough": "compute enough [FLOP]",
}
"""How quantities are called in print; others by their own names."""

SAID = {
    "undertrained": "fewer tokens than best",
    "unreachable": "out of reach",
    "never": "no such size",
    "at_edge": "no optimum",
}
"""How statements are called in print."""

TROUBLE = ("unreachable", "never", "at_edge")
"""Statements that are printed only where they may hold."""

WIDTH = 24


def answering(source: str) -> Answerer:
    """Return what answers: a saved fit, or a published law by its name.

    Raises
    ------
    InputError
        There is neither such a file nor such a law.
    """
    if source.endswith(".nc") or Path(source).exists():
        from bayes_scaling.fitting import load

        return load(source).accept_unconverged()
    from bayes_scaling.papers import published
    from bayes_scaling.questions.literature import published_names

    if source not in published_names():
        raise InputError(
            f"no file {source!r}, and no published law of that name; a saved fit ends in .nc, and "
            "'bayes-scaling published' lists the laws"
        )
    return published(source).accept_unconverged()


def give(source: Answerer, answer: Answer, *, as_json: bool) -> None:
    """Print an answer, and judge what it rests on."""
    if as_json:
        print_json(answer_dict(source, answer) | {"notes": list(answer.notes)})
    else:
        print_answer(source, answer)
    judge(source, *answer.notes)


def judge(source: Answerer, *notes: str) -> None:
    """Say what a reader should know of what answered; exit with 2 where it is not to be trusted."""
    from bayes_scaling.papers import PublishedLaw
    from bayes_scaling.questions.routed import say_share

    own = source.notes if isinstance(source, PublishedLaw) else ()
    for note in dict.fromkeys((*notes, *own)):
        say(f"note: {note}")
    if said := say_share(source):
        say(f"note: {said}")
    warn_of_checks(source)
    if not source.trustworthy:
        raise typer.Exit(2)


def print_answer(source: Answerer, answer: Answer) -> None:
    """Print an answer, one block per case."""
    rows = answer.rows()
    of_members = answer.member_rows() if len(answer.members) > 1 else []
    count = len(answer.members)
    for index, row in enumerate(rows):
        if index:
            print()
        for name in answer.asked:
            _line(name, _given(row[name]))
        for name in answer.draws:
            _line(name, row_text(row, name))
        for name in answer.flags:
            if row[name] or name not in TROUBLE:
                _line(SAID.get(name, name), _chance(row[name]))
        if not answer.is_point:
            _line("extrapolation", beyond(row))
        if of_members:
            print()
            _print_members(answer, of_members[index * count : (index + 1) * count])


def _line(name: str, text: str) -> None:
    print(f"{CALLED.get(name, name.replace('_', ' ')):{WIDTH}s} {text}")


def _given(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _chance(value: float | bool) -> str:
    """Say whether a statement holds, or in how many of the draws."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"with probability {value:.0%}" if 0.005 <= value <= 0.995 else _nearly(value)


def _nearly(value: float) -> str:
    if value in (0, 1):
        return "in no draw" if value == 0 else "in every draw"
    return f"with probability {'below 1' if value < 0.5 else 'above 99'}%"


def _print_members(answer: Answer, rows: list[dict[str, Any]]) -> None:
    """Print what each member of an average says of one case."""
    kind = format_kind(rows[0]["probability"])
    head = [f"member, {kind}", "weight", *(CALLED.get(name, name) for name in answer.draws)]
    print_table([_member_row(answer, row, kind) for row in rows], head)


def _member_row(answer: Answer, row: Mapping[str, Any], kind: str) -> list[str]:
    found = [str(row_interval(row, name)).removesuffix(f" {kind}") for name in answer.draws]
    return [str(row["member"]), f"{row['weight']:.2f}", *found]
