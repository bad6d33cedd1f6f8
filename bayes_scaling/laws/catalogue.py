"""The catalogue: shipped models, a user's own files, and models of other packages."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.files import read_toml
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.read import read_model
from bayes_scaling.laws.variants import reading_instead
from bayes_scaling.runs.columns import COLUMNS

AnyModel = str | Path | Model | Mapping[str, Any]
"""What `load_model` takes."""

ENTRY_POINTS = "bayes_scaling.models"
"""Entry-point group by which another package adds a folder of TOML files (its value: a package)."""

ONTO = "+"
"""Between a law and what is put on it: ``coupled+lr-valley``."""

OF = ":"
"""Between a law with an input of no fixed column and that column: ``valley:weight_decay``."""

MOST_ONTO = 8
"""How many definitions may be put on a law."""


def model_folders() -> tuple[Path, ...]:
    """Return the folders that hold model definitions, the shipped one first."""
    package = Path(__file__).resolve().parents[1]
    shipped = next(
        (path for path in (package / "_models", package.parent / "models") if path.is_dir()), None
    )
    if shipped is None:
        raise InputError("the shipped models are missing; reinstall bayes-scaling")
    return (shipped, *_folders_of_others())


@cache
def _folders_of_others() -> tuple[Path, ...]:
    """Return the folders of other packages; what is installed is looked up once in a process."""
    from importlib.resources import files

    return tuple(Path(str(files(point.value))) for point in entry_points(group=ENTRY_POINTS))


def model_files() -> Mapping[str, Path]:
    """Return the definition file of every model in the catalogue, by id."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def list_models() -> tuple[Model, ...]:
    """Return every model of the catalogue, sorted by id.

    Raises
    ------
    InputError
        A definition cannot be read.
    """
    files = model_files()
    return tuple(load_model(name) for name in sorted(files))


def catalogue_hash(name: str) -> str:
    """Return the content hash of a model of the catalogue; empty for one that is not in it."""
    known = model_files()
    listed = all(part.partition(OF)[0] in known for part in name.split(ONTO))
    return load_model(name).content_hash if listed else ""


def load_model(source: AnyModel) -> Model:
    """Load a model.

    Parameters
    ----------
    source : str, Path, Model or mapping
        An id of the catalogue (``"chinchilla"``), a TOML file, a parsed definition, or a `Model`,
        which is returned as it is. ``"coupled+lr-valley"`` puts a definition that stands on
        another law, such as a valley in the learning rate, on the law before the plus.
        ``"coupled+valley:weight_decay"`` names the column that a law with an input of its own,
        such as a valley in any setting, reads.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        No such model or file, or the definition has problems.

    Examples
    --------
    >>> load_model("chinchilla").sizes
    ('params', 'tokens')
    """
    return _load(source, ())


def load_models(sources: Sequence[AnyModel]) -> tuple[Model, ...]:
    """Load several models, or say what is wrong with each."""
    if isinstance(sources, str | Path | Model | Mapping):
        raise InputError(
            f"models must be a list such as ['chinchilla', 'coupled'], got {sources!r}"
        )
    loaded, problems = [], []
    for source in sources:
        try:
            loaded.append(load_model(source))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(problems)
    return tuple(loaded)


def _load(source: AnyModel, chain: tuple[str, ...]) -> Model:
    """Load a model; `chain` holds the models that led here through ``base``."""
    if isinstance(source, Model):
        return source
    if isinstance(source, Mapping):
        return read_model(source, find_base=lambda name: _load(name, chain))
    if str(source).count(ONTO) > MOST_ONTO:
        raise InputError(f"{str(source)[:60]!r}...: at most {MOST_ONTO} are put on a law by a plus")
    if isinstance(source, str) and not Path(source).is_file():
        law, of, column = source.rpartition(OF)
        if of and column.isidentifier():
            return _load_of(law, column, chain)
        if ONTO in source:
            return _load_onto(source, chain)
    path = _find(source)
    if path.stem in chain:
        raise InputError(f"'base' goes round in a circle: {' -> '.join((*chain, path.stem))}")
    return read_model(
        _read(path), find_base=lambda name: _load(name, (*chain, path.stem)), source=str(path)
    )


def _read(path: Path) -> dict[str, Any]:
    definition = read_toml(path)
    definition.setdefault("id", path.stem)
    return definition


def _load_onto(source: str, chain: tuple[str, ...]) -> Model:
    """Load what stands after the last plus, with what is before it in the place of its base.

    A definition without a formula of its own, such as one that only changes a prior, stands on
    another that is put on the law in its turn.
    """
    under, _, upper = source.rpartition(ONTO)
    path = _find(upper)
    if source in chain:
        raise InputError(f"'base' goes round in a circle: {' -> '.join((*chain, source))}")
    definition = _read(path)
    if "base" not in definition:
        raise InputError(
            f"{source!r} puts {upper} on {under}, but {upper} stands on no other law: after a plus "
            "comes a definition with a 'base', such as lr-valley"
        )
    law = _load(under, (*chain, source))
    if "formula" in definition:
        _refuse_clashes(source, definition, law)
        definition["base"] = under
    else:
        definition["base"] = f"{under}{ONTO}{definition['base']}"
    definition["id"] = source
    definition["title"] = f"{law.title}; {definition.get('title', upper)}"
    return read_model(
        definition, find_base=lambda name: _load(name, (*chain, source)), source=source
    )


def _load_of(law: str, column: str, chain: tuple[str, ...]) -> Model:
    """Load a law that reads a named column in the place of its input of no fixed column."""
    model = _load(law, chain)
    free = [name for name in model.extra_inputs if name in model.inputs]
    if len(free) != 1:
        fixed = f"{model.id} reads {', '.join(model.inputs)}"
        raise InputError(
            f"{law}{OF}{column}: a column is named for a law with one input of its own, such as "
            f"valley, and {fixed}"
        )
    named = reading_instead(model, {free[0]: column})
    others = tuple(name for name in model.extra_inputs if name != free[0])
    return replace(
        named,
        id=f"{law}{OF}{column}",
        title=f"{model.title} ({column})",
        extra_inputs=(*others, *(() if column in COLUMNS else (column,))),
    )


def _refuse_clashes(source: str, definition: Mapping[str, Any], law: Model) -> None:
    """Raise where a definition calls something by a name that the law below has for another."""
    taken = {item.name for item in law.parameters} | {line.name for line in law.where}
    own = [*definition.get("parameters", {}), *definition.get("where", {})]
    problems = [
        f"both {law.id} and {definition['id']} have {name!r}: rename it in one of them"
        for name in own
        if name in taken
    ]
    if problems:
        raise InputError(problems, source=source)


def _find(source: str | Path) -> Path:
    files = model_files()
    if isinstance(source, str) and source in files:
        return files[source]
    path = Path(source)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"no model file {str(path)!r}; give an existing .toml or a model id")
    near = difflib.get_close_matches(str(source), files, n=1, cutoff=0.4)
    hint = (
        f"did you mean {near[0]!r}? 'bayes-scaling models' lists all"
        if near
        else f"the catalogue has {', '.join(sorted(files))}"
    )
    raise InputError(f"no model {str(source)!r}; {hint}; a file of your own ends in .toml")
