"""The command ``score``: forecasts on record against what runs reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.console import SCORES, print_json, print_table, row_interval, say
from bayes_scaling.commands.options import Json, SavedFit
from bayes_scaling.commands.tables import read_table

if TYPE_CHECKING:
    from bayes_scaling.questions.record import TrackRecord


def score(
    fit: SavedFit,
    results: Annotated[str, typer.Argument(help="Finished runs: their sizes and losses.")],
    record: Annotated[
        Path | None, typer.Option(help="The record.", show_default="forecasts.jsonl beside the fit")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score forecasts that were put on record by what the runs reached.

    Example: bayes-scaling score fit.nc result.csv
    """
    from bayes_scaling.questions.record import NAME, score_record

    runs = read_table(results, None, None)
    found = score_record(fit.with_name(NAME) if record is None else record, runs)
    if as_json:
        print_json(
            {"rows": found.rows(), "scores": found.scores, "unmatched": list(found.unmatched)}
        )
    else:
        print_record(found)
    for name in found.unmatched:
        say(f"note: no forecast on record was for the result {name}")


def print_record(found: TrackRecord) -> None:
    """Print every forecast on record with its outcome, then the scores."""
    print_table(
        [_cells(row) for row in found.rows()],
        ("on record since", "model", "params N", "tokens D", "forecast", "reached", "error", ""),
    )
    if found.scores is not None:
        print()
        print_table([[f"{found.scores[name]:.4g}" for name in SCORES]], tuple(SCORES.values()))


def _cells(row: dict[str, Any]) -> list[str]:
    sizes = [f"{row[name]:.3g}" if name in row else "" for name in ("params", "tokens")]
    told = [row["created"][:10], row["model"], *sizes, str(row_interval(row, "new_run"))]
    if row["loss"] is None:
        return [*told, "open", "", ""]
    where = "inside" if row["inside"] else "outside"
    return [*told, f"{row['loss']:.4g}", f"{row['error']:+.2%}", where]
