"""Tables exported by W&B or MLflow: their prefixes, their names, their unfinished runs.

Both mix settings and last logged values in one table, so a word can appear twice: ``params.lr`` is
the learning rate that was set, ``metrics.lr`` what a schedule had decayed it to. Settings win for
what is set, logged values for what is measured, and a validation loss wins over any other loss.
What loses rides along under its own name, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import Rows, as_text
from bayes_scaling.runs.columns import ALIASES, canonical_name, fold
from bayes_scaling.runs.headings import read_heading
from bayes_scaling.runs.resolve import choose_loss, sounds_like_loss
from bayes_scaling.runs.text_files import Raw

Export = Literal["wandb", "mlflow"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a tracking service calls things.

    Parameters
    ----------
    settings, logged : tuple of str
        Prefixes of columns that were set and that were measured.
    names : Mapping of str to str
        Its own words, folded, to canonical names; they rank below the aliases.
    run : tuple of str
        Columns that identify a run, the preferred one first.
    state, done : str
        The column that says whether a run finished, and the word for it.
    """

    settings: tuple[str, ...]
    logged: tuple[str, ...]
    names: Mapping[str, str]
    run: tuple[str, ...]
    state: str
    done: str


EXPORTS: Mapping[str, Preset] = MappingProxyType(
    {
        "wandb": Preset(
            settings=("config.", "config/", "config:"),
            logged=("summary.", "summary/", "summary:", "summary_metrics."),
            names=MappingProxyType({"_step": "steps"}),
            run=("name", "id"),
            state="state",
            done="finished",
        ),
        "mlflow": Preset(
            settings=("params.",),
            logged=("metrics.",),
            names=MappingProxyType({}),
            run=("run_id", "tags.mlflow.runname"),
            state="status",
            done="finished",
        ),
    }
)
_MEASURED = frozenset({"loss", "score", "steps", "tokens", "flops"})
_ALIAS_ORDER = {fold(alias): i for i, alias in enumerate(ALIASES)}


@dataclass(frozen=True, kw_only=True)
class Untangled:
    """An export made ready for the common way.

    Parameters
    ----------
    raw : Raw
        Finished runs only.
    columns : Mapping of str to str
        A name for every column.
    notes : tuple of str
        Which runs were left out, which of two columns was taken.
    """

    raw: Raw
    columns: Mapping[str, str]
    notes: tuple[str, ...]


def untangle(
    raw: Raw, *, export: Export, columns: Mapping[str, str], source: str | None = None
) -> Untangled:
    """Name the columns of an export and leave out its unfinished runs.

    Parameters
    ----------
    raw : Raw
        The table as exported.
    export : {"wandb", "mlflow"}
    columns : Mapping of str to str
        The user's own names, by full or stripped column name; they win.
    source : str, optional
        What to call the table in an error.

    Returns
    -------
    Untangled

    Raises
    ------
    InputError
        If no run finished.
    """
    preset = EXPORTS[export]
    notes: list[str] = []
    ids = next((name for want in preset.run for name in raw.cells if name.lower() == want), None)
    raw = _finished(raw, preset, ids, notes, source)
    names = export_columns(raw.cells, export=export, columns=columns, notes=notes)
    return Untangled(raw=raw, columns=names, notes=tuple(notes))


def export_columns(
    cells: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    export: Export,
    columns: Mapping[str, str] | None = None,
    notes: list[str] | None = None,
) -> dict[str, str]:
    """Return a name for every column of an export."""
    preset = EXPORTS[export]
    bare = {name: _bare(name, preset) for name in cells}
    names: dict[str, str] = {}
    for key, target in (columns or {}).items():
        full = [name for name in cells if name == key] or [n for n in cells if bare[n] == key]
        names |= {name: canonical_name(target) or target for name in full[:1] or [key]}
    taken = set(names.values())
    claims: dict[str, list[tuple[tuple[int, int, int], str]]] = {}
    losses = {bare[name]: name for name in reversed(list(cells)) if name not in names}
    losses = {word: name for word, name in losses.items() if sounds_like_loss(word)}
    for name in cells:
        if name in names or bare[name] in losses:
            continue
        meant = _meaning(name, bare[name], preset, cells)
        if meant is not None:
            rank, target = meant
            setting = name.startswith(preset.settings)
            side = int(setting == (target in _MEASURED))
            order = _ALIAS_ORDER.get(fold(bare[name]), len(_ALIAS_ORDER))
            claims.setdefault(target, []).append(((rank, side, order), name))
    chosen = choose_loss(losses, decide=True).name if "loss" not in taken else None
    if chosen is not None:
        names[losses[chosen]] = "loss"
        taken.add("loss")
        rest = [n for n in cells if n in losses.values() and n != losses[chosen]]
        if rest and notes is not None:
            notes.append(f"loss is taken from {losses[chosen]!r}; {_ride(rest)}")
    for target, rivals in claims.items():
        ranked = [name for _, name in sorted(rivals)]
        if target in taken:
            continue
        names[ranked[0]] = target
        taken.add(target)
        if len(ranked) > 1 and notes is not None and target != "run":
            notes.append(f"{target} is taken from {ranked[0]!r}; {_ride(ranked[1:])}")
    for name in cells:
        if name not in names:
            names[name] = _spare(name, bare[name], taken)
            taken.add(names[name])
    return names


def _ride(names: list[str]) -> str:
    return ", ".join(map(repr, names)) + (" rides along" if len(names) == 1 else " ride along")


def _meaning(
    name: str, bare: str, preset: Preset, cells: Mapping[str, Sequence[Any] | NDArray[Any]]
) -> tuple[int, str] | None:
    """Return the canonical column meant and how sure that is (0 best), or None."""
    if name.lower() in preset.run:
        repeated = len({as_text(cell) for cell in cells[name]}) < len(cells[name])
        return preset.run.index(name.lower()) + 10 * repeated, "run"
    if name.startswith("tags."):
        return None
    if target := preset.names.get(fold(bare)):
        return 3, target
    heading = read_heading(bare)
    if heading is not None:
        setting = name.startswith(preset.settings)
        return heading.certainty + (heading.certainty == 2 and not setting), heading.target
    return None


def _bare(name: str, preset: Preset) -> str:
    name = name.strip()
    for prefix in (*preset.settings, *preset.logged):
        name = name.removeprefix(prefix)
    return name.removesuffix(".value")


def _spare(name: str, bare: str, taken: set[str]) -> str:
    """Return a name outside the vocabulary for a column that rides along."""
    for candidate in (bare, name.strip(), f"{name.strip()}_unmapped"):
        if candidate not in taken and canonical_name(candidate) is None:
            return candidate
    return f"{name.strip()}_unmapped"


def _finished(
    raw: Raw, preset: Preset, ids: str | None, notes: list[str], source: str | None
) -> Raw:
    column = next((name for name in raw.cells if name.lower() == preset.state), None)
    if column is None:
        return raw
    states = [as_text(cell).lower() for cell in raw.cells[column]]
    keep = np.array([state == preset.done for state in states], dtype=bool)
    if keep.all():
        return raw
    out = np.flatnonzero(~keep).tolist()
    who = [f"{as_text(raw.cells[ids][i])!r}" if ids else raw.rows.say([i]) for i in out]
    named = [f"{name} ({states[i] or 'no state'})" for name, i in zip(who, out, strict=True)]
    shown = ", ".join(named[:20]) + (f" and {len(named) - 20} more" if len(named) > 20 else "")
    if not keep.any():
        raise InputError(f"no run has {column} {preset.done!r}: {shown}", source=source)
    count = f"{len(out)} unfinished run{'s' if len(out) > 1 else ''}"
    notes.append(f"{count} left out: {shown}")
    chosen = np.flatnonzero(keep).tolist()
    cells = {name: [values[i] for i in chosen] for name, values in raw.cells.items()}
    rows = Rows(label=raw.rows.label, numbers=raw.rows.numbers[chosen])
    return Raw(cells=cells, rows=rows, problems=raw.problems)
