"""Whether a saved fit is sound: all inside one file, of sizes it can hold, of shapes that fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    import h5py

    from bayes_scaling.posterior.member import Member

DEEPEST = 6
"""Groups within groups; a saved ensemble has four."""

MOST_OBJECTS = 20_000
"""Groups and arrays of a file."""

MOST_UNPACKED = 100
"""Bytes that an array may hold for each of its bytes in the file; draws shrink by half at best."""

MOST_HEADER = 1 << 25
"""Longest header [characters]."""


def check_objects(file: h5py.Group) -> None:
    """Raise `InputError` for whatever is not an array stored in this very file.

    Soft and external links, external storage and virtual arrays would take the draws from somewhere
    else; an array may also claim more than any memory holds.
    """
    count = 0
    groups = [(file, "", 0)]
    while groups:
        group, path, depth = groups.pop()
        for name in group:
            count += 1
            place = f"{path}/{name}"
            if depth > DEEPEST or count > MOST_OBJECTS:
                raise InputError(f"no saved fit has so many groups ({place!r})")
            _check_object(group, name, place)
            item = group[name]
            if hasattr(item, "keys"):
                groups.append((item, place, depth + 1))


def _check_object(group: h5py.Group, name: str, place: str) -> None:
    import h5py

    if type(group.get(name, getlink=True)) is not h5py.HardLink:
        raise InputError(f"{place!r} is a link to elsewhere; a saved fit holds all it needs itself")
    if issubclass(group.get(name, getclass=True), h5py.Group):
        return
    item = group[name]
    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{place!r} is neither a group nor an array")
    if item.external or item.is_virtual:
        raise InputError(f"{place!r} takes its numbers from another file; a saved fit holds them")
    if item.nbytes > MOST_UNPACKED * max(item.id.get_storage_size(), 64):
        raise InputError(f"{place!r} claims {item.nbytes:,} bytes that the file does not hold")


def check_header(header: object) -> dict[str, Any]:
    """Return the header of a fit, or raise `InputError` where it is no table of keys."""
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise InputError("the header of a saved fit is a table with a 'format': damaged, fit again")
    return header


def check_member(fit: Member) -> None:
    """Raise `InputError` for draws, references or weights that no fit could have, by name."""
    problems = [
        f"reference size {name!r} is {value!r}, not a positive number"
        for name, value in fit.references.items()
        if not _is_positive(value)
    ]
    if not isinstance(fit.every, int) or fit.every < 1:
        problems.append(f"'every' must be a whole number from 1, got {fit.every!r}")
    problems += [
        f"no draws of {item.name!r}, which the law reads"
        for item in fit.model.parameters
        if item.name not in fit.draws
    ]
    shape = _shape_of(fit.stats)
    sampled = {item.name for item in fit.model.parameters}
    for kind, arrays in (("draws of", fit.draws), ("steps of", fit.steps), ("", fit.stats)):
        for name, values in arrays.items():
            finite = kind == "steps of" or (kind == "draws of" and name in sampled)
            problems += _array_problems(
                f"{kind} {name!r}".strip(), values, shape, len(fit.groups), finite=finite
            )
    if problems:
        raise InputError([f"{text}: damaged, fit again" for text in problems])


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value)) and value > 0


def _shape_of(stats: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    return stats["diverging"].shape


def _array_problems(
    what: str, values: NDArray[Any], shape: tuple[int, ...], groups: int, *, finite: bool
) -> list[str]:
    if values.dtype.kind not in "fiub":
        return [f"{what} are not numbers but {values.dtype}"]
    if values.shape[:2] != shape or values.ndim > 3:
        expected = " x ".join(map(str, shape))
        found = " x ".join(map(str, values.shape))
        return [f"{what} have the shape {found} where the fit has {expected} draws"]
    if values.ndim == 3 and what.startswith("draws") and not 1 <= values.shape[2] <= groups:
        return [f"{what} are of {values.shape[2]} groups where the fit has {groups}"]
    if finite and not np.isfinite(values).all():
        return [f"{what} are not all finite numbers"]
    return []


def check_weights(weights: Mapping[str, Any], members: list[str]) -> None:
    """Raise `InputError` for weights that are no shares of the members."""
    numbers = [weights.get(name) for name in members]
    if not members or not all(
        isinstance(value, int | float) and np.isfinite(value) and value >= 0 for value in numbers
    ):
        raise InputError(f"weights {dict(weights)!r} are no shares of {', '.join(members)}")
    total = sum(float(value) for value in numbers if value is not None)
    if abs(total - 1) > 1e-6:
        raise InputError(f"weights of the members sum to {total:.6g} where they must sum to 1")
