"""Files: written whole or not at all, and the folder of those that can be made again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayes_scaling.errors import InputError

CACHE_VARIABLE = "BAYES_SCALING_CACHE"
"""Name of the environment variable of the cache folder."""


def check_target(path: str | Path) -> Path:
    """Return where a file is to be written, or say why it cannot be.

    Raises
    ------
    InputError
        It is a folder, or its folder does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"no folder {str(path.parent)!r} for {path.name!r}; create it first")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; it takes the place of `path` when all went well."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Folder of what need not be fetched or made twice.

    Parameters
    ----------
    cache_dir : path, optional
        Taken as it is. Otherwise ``BAYES_SCALING_CACHE``, or `bayes-scaling` in
        ``XDG_CACHE_HOME``, or in `~/.cache`.
    """
    if cache_dir is not None:
        return Path(cache_dir)
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bayes-scaling"
