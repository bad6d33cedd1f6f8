"""Read runs from a file of any kind, a folder of them, a glob, or a data frame."""

from __future__ import annotations

import glob as globbing
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from bayes_scaling.errors import InputError
from bayes_scaling.runs.assemble import Assembled, assemble, commas_in
from bayes_scaling.runs.cells import Commas, positions
from bayes_scaling.runs.columns import nearest
from bayes_scaling.runs.exports import EXPORTS, Export, untangle
from bayes_scaling.runs.frames import SHEETS, from_frame, read_parquet, read_sheet
from bayes_scaling.runs.json_files import TRAINER_STATE, read_json, read_json_lines
from bayes_scaling.runs.resolve import is_held_out, is_training
from bayes_scaling.runs.text_files import Raw, read_delimited
from bayes_scaling.runs.tidy import (
    WIDE,
    export_of,
    from_tensorboard,
    is_panel,
    is_tensorboard,
    melt_panel,
    melt_wide,
    unpack,
    with_units,
)
from bayes_scaling.runs.trackers import (
    EVENTS,
    NO_SCALARS,
    is_mlflow_folder,
    read_database,
    read_events,
    read_mlflow_folder,
    read_wandb,
)
from bayes_scaling.runs.wishes import apply_formulas, read_wishes, sort_wishes

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "sqlite", "tfevents", "wandb"]
FORMATS: Mapping[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".md": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".wandb": "wandb",
}
PRESETS = (*EXPORTS, "tensorboard", WIDE)
"""Words that say what wrote a table, in place of names for its columns."""

MOST_FILES = 2000
"""Files of one folder that are read."""


def read(
    source: str | PathLike[str] | pd.DataFrame,
    *,
    columns: Mapping[str, str] | str | None = None,
    format: Format | None = None,
    export: Export | None = None,
    where: str | None = None,
    commas: Commas | None = None,
    drop_empty: bool = False,
    needs_loss: bool = True,
    sheet: str | None = None,
) -> Assembled:
    """Read, check and complete a table; see `bayes_scaling.runs.table.read_runs`."""
    pairs, presets = _wanted(columns, export)
    raw, name = _from_source(source, format, presets, sheet)
    raw = _made_long(raw, presets, name)
    notes = list(raw.notes)
    commas = commas or commas_in(raw.cells)
    renamed: Mapping[str, str] = {}
    if pairs:
        try:
            cells, renamed, made = apply_formulas(
                raw.cells, sort_wishes(pairs, raw.cells), commas=commas
            )
        except InputError as error:
            raise InputError([*raw.problems, *error.problems], source=name) from None
        raw = Raw(cells=cells, rows=raw.rows, problems=raw.problems)
        notes += made
    tracker = next((preset for preset in presets if preset in EXPORTS), None)
    if tracker is not None:
        tidy = untangle(raw, export=cast("Export", tracker), columns=renamed, source=name)
        raw, renamed = tidy.raw, tidy.columns
        notes += tidy.notes
    try:
        return assemble(
            raw.cells,
            rows=raw.rows,
            source=name,
            columns=renamed,
            notes=notes,
            problems=raw.problems,
            where=where,
            commas=commas,
            needs_loss=needs_loss,
            drop_empty=drop_empty,
        )
    except InputError as error:
        guess = export_of(list(raw.cells))
        read_from = [f"read is {note}" for note in notes if SHEETS in note]
        if read_from and tracker is None:
            raise InputError([*error.problems, *read_from], source=name) from None
        if tracker is None and guess is not None:
            hint = (
                f"the header looks like an export of {guess}: --columns {guess} "
                f"(in Python columns={guess!r}) reads it so"
            )
            raise InputError([*error.problems, hint], source=name) from None
        raise


def _wanted(
    columns: Mapping[str, str] | str | None, export: Export | None
) -> tuple[dict[str, str], list[str]]:
    """Part what was said of the columns into pairs and words."""
    presets = [str(export)] if export else []
    if columns is None:
        pairs: dict[str, str] = {}
    elif isinstance(columns, str):
        words = [piece.strip() for piece in columns.split(",") if "=" not in piece]
        presets += [word for word in words if word in PRESETS or "=" not in columns]
        rest = [piece for piece in columns.split(",") if piece.strip() not in presets]
        pairs = read_wishes(",".join(rest)) if rest else {}
    else:
        pairs = dict(columns)
    for preset in presets:
        if preset not in PRESETS:
            known = f"{', '.join(PRESETS[:-1])} and {PRESETS[-1]}"
            raise InputError(
                f"export {preset!r} is unknown; there are {known}, and pairs such as "
                "--columns 'their name=params' (in Python columns={'their name': 'params'}) fit "
                "any other"
            )
    return pairs, presets


def _made_long(raw: Raw, presets: list[str], name: str) -> Raw:
    """Open nested cells, and make a wide table long."""
    raw = with_units(unpack(raw))
    names = list(raw.cells)
    if is_panel(names):
        return melt_panel(raw)
    if is_tensorboard(names):
        return from_tensorboard(raw, Path(name).stem)
    return melt_wide(raw, name) if WIDE in presets else raw


def _from_source(
    source: object, format: Format | None, presets: list[str], sheet: str | None
) -> tuple[Raw, str]:
    frame = None if isinstance(source, str | PathLike) else from_frame(source)
    if frame is not None:
        return frame
    if not isinstance(source, str | PathLike):
        raise InputError(
            f"runs are read from a path, a DataFrame or a RunTable, not "
            f"{type(source).__name__}; for arrays use RunTable.from_columns"
        )
    path = Path(source)
    if path.is_dir() and is_mlflow_folder(path):
        return read_mlflow_folder(path), str(path)
    if path.is_dir() and (not path.suffix or any(_files_below(path))):
        return _from_files(_files_below(path), format, path, presets, sheet), str(path)
    if any(sign in str(path) for sign in "*?[") and not path.exists():
        found = sorted(Path(each) for each in globbing.glob(str(path), recursive=True))
        files = [each for each in found if each.is_file()]
        if not files:
            raise InputError("no file matches", source=str(path))
        return _from_files(files, format, path, presets, sheet), str(path)
    return _from_file(path, format, sheet), str(path)


def _from_file(path: Path, format: Format | None, sheet: str | None) -> Raw:
    kind = format or kind_of(path)
    if kind not in set(FORMATS.values()) | {"tfevents"}:
        shown = f"format {format!r}" if format else f"suffix {''.join(path.suffixes[-2:])!r}"
        raise InputError(
            f"{shown} is unknown; use one of {', '.join(FORMATS)} (text also .gz) or "
            "say --format csv (in Python format='csv')",
            source=str(path),
        )
    if not path.is_file():
        close = nearest(path.name, _siblings(path))
        hint = f"; did you mean {str(path.parent / close)!r}?" if close else ""
        what = "is a folder without files of runs" if path.is_dir() else "no such file"
        raise InputError(f"{what}{hint}", source=str(path))
    if kind == "parquet":
        return read_parquet(path)
    if kind == "xlsx":
        return read_sheet(path, sheet)
    if kind == "sqlite":
        return read_database(path)
    if kind == "tfevents":
        return read_events(path)
    if kind == "wandb":
        return read_wandb(path)
    if kind == "json":
        return read_json(path)
    if kind == "jsonl":
        return read_json_lines(path)
    return read_delimited(path, tabs=kind == "tsv")


def kind_of(path: Path) -> Format | None:
    """Return the format that the name of a file tells, or None."""
    if EVENTS in path.name:
        return "tfevents"
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    suffix = (suffixes[:-1] if zipped else suffixes)[-1:]
    return FORMATS.get(suffix[0]) if suffix else None


def _files_below(folder: Path) -> list[Path]:
    """Return the files of a folder that can hold runs; event files lie deeper."""
    files = [
        p
        for p in sorted(folder.iterdir())
        if p.is_file() and kind_of(p) is not None and p.suffix.lower() != ".md"
    ]
    if not files:
        files = [
            p
            for p in sorted(folder.rglob("*"))
            if p.is_file() and (kind_of(p) in ("tfevents", "wandb") or p.name == TRAINER_STATE)
        ]
    return _last_checkpoints(files)[:MOST_FILES]


def _last_checkpoints(files: list[Path]) -> list[Path]:
    """Keep the last state of every Hugging Face trainer, which tells of all before it."""
    last: dict[Path, Path] = {}
    for path in files:
        folder = path.parent
        checkpoint = path.name == TRAINER_STATE and folder.name.startswith("checkpoint-")
        key = folder.parent if checkpoint else path
        if key not in last or _number_of(last[key]) < _number_of(path):
            last[key] = path
    return list(last.values())


def _number_of(path: Path) -> int:
    number = path.parent.name.removeprefix("checkpoint-")
    return int(number) if number.isdecimal() else -1


def _from_files(
    files: list[Path],
    format: Format | None,
    folder: Path,
    presets: list[str],
    sheet: str | None,
) -> Raw:
    """Read several files as one table; a file without a column of runs is a run by its name."""
    parts: list[Raw] = []
    problems: list[str] = []
    for path in files:
        try:
            raw = _made_long(_from_file(path, format, sheet), presets, str(path))
        except InputError as error:
            if kind_of(path) == "tfevents" and error.problems == (NO_SCALARS,):
                continue  # a writer of histograms, or of settings
            problems += [f"{path.name}: {problem}" for problem in error.problems]
            continue
        problems += [f"{path.name}: {problem}" for problem in raw.problems]
        if not {"run", "run_id", "run_name", "name"} & {name.lower() for name in raw.cells}:
            label = path.name.split(".")[0]
            raw = Raw(cells={"run": [label] * len(raw.rows), **raw.cells}, rows=raw.rows)
        elif kind_of(path) == "tfevents" and path.parent != folder and folder.is_dir():
            label = path.parent.relative_to(folder).as_posix()
            raw = Raw(cells={**raw.cells, "run": [label] * len(raw.rows)}, rows=raw.rows)
        parts.append(raw)
    parts, left_out = _without_training(parts)
    if not parts:
        raise InputError(problems or "no file of runs in it", source=str(folder))
    names = dict.fromkeys(name for raw in parts for name in raw.cells)
    cells: dict[str, Any] = {
        name: [
            cell
            for raw in parts
            for cell in (raw.cells[name] if name in raw.cells else [None] * len(raw.rows))
        ]
        for name in names
    }
    count = sum(len(raw.rows) for raw in parts)
    note = f"{len(parts)} files, their rows one after the other{left_out}"
    common = [said for said in parts[0].notes if all(said in raw.notes for raw in parts)]
    return Raw(cells=cells, rows=positions(count), problems=tuple(problems), notes=(note, *common))


def _without_training(parts: list[Raw]) -> tuple[list[Raw], str]:
    """Leave out logs of training text beside logs of held-out text, as of ``run/train``."""
    last = [str(raw.cells["run"][0]).split("/")[-1] if "run" in raw.cells else "" for raw in parts]
    train = [is_training(name) for name in last]
    if not any(train) or not any(is_held_out(name) for name in last):
        return parts, ""
    kept = [raw for raw, out in zip(parts, train, strict=True) if not out]
    gone = ", ".join(dict.fromkeys(name for name, out in zip(last, train, strict=True) if out))
    return kept, f"; those of training text ({gone}) left out"


def _siblings(path: Path) -> list[str]:
    try:
        return sorted(p.name for p in path.parent.iterdir() if p.is_file())
    except OSError:
        return []
