"""Commands on forecasts that were put on record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.commands.console import print_page
from bayes_scaling.commands.options import Json
from bayes_scaling.commands.sources import Reading
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target, replacing
from bayes_scaling.questions.record import NAME, TrackRecord, read_record, score_record
from bayes_scaling.questions.verify import verify as verify_records

Place = Annotated[
    Path, typer.Argument(help="A saved fit with its record beside it, a record, or a folder.")
]


def score(
    fit: Place,
    results: Annotated[
        str | None,
        typer.Argument(help="Finished runs: their sizes and losses; without, the record is shown."),
    ] = None,
    record: Annotated[
        list[Path] | None,
        typer.Option(
            help="A record, or a folder with all in and below it. May be given several times.",
            show_default="forecasts.jsonl beside the fit",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the record as a page of Markdown (.md)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score forecasts that were put on record by what the runs reached.

    Example: bayes-scaling score fit.nc result.csv
    """
    if page is not None:
        check_target(page)
        if page.suffix != ".md":
            raise InputError(f"--page writes Markdown: end {page.name!r} in .md")
    places = record or [_record_of(fit)]
    found = (
        read_record(places) if results is None else score_record(places, Reading().table(results))
    )
    if page is not None:
        _write_page(found, page)
    if as_json:
        about = {"scores": found.scores, "unmatched": list(found.unmatched)}
        print_json({"rows": found.rows()} | about | ({"page": str(page)} if page else {}))
    else:
        print_page(found.page())
        if page is not None:
            print(f"wrote {page}")
    for name in found.unmatched:
        say(f"note: no forecast on record was for the result {name}")


def verify(
    places: Annotated[
        list[Path],
        typer.Argument(help="Saved fits with a record beside them, records, or folders."),
    ],
    as_json: Json = False,
) -> None:
    """Say which forecasts on record agree with the saved fits beside them.

    Example: bayes-scaling verify fit.nc
    """
    found = verify_records([_record_of(place) for place in places])
    if as_json:
        print_json({"agrees": found.agrees, "rows": found.rows(), "unread": dict(found.unread)})
    else:
        print_page(found.page())
    for path, why in found.unread.items():
        say(f"note: {path} is not compared: {why}")
    if not found.agrees:
        say("warning: not every forecast on record has a saved fit that it may come from")
        raise typer.Exit(2)


def _record_of(place: Path) -> Path:
    """Return the record that a place stands for: itself, or the one beside a saved fit."""
    return place if place.is_dir() or place.suffix == Path(NAME).suffix else place.with_name(NAME)


def _write_page(found: TrackRecord, path: Path) -> None:
    from bayes_scaling.reports.blocks import Section
    from bayes_scaling.reports.markdown import to_markdown
    from bayes_scaling.reports.trust_sections import record_section

    section = Section(id="record", title="Forecasts and outcomes", blocks=record_section(found))
    with replacing(path) as temporary:
        temporary.write_text(to_markdown("Forecasts on record", "", (section,)), encoding="utf-8")
