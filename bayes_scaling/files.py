"""Files: written whole or not at all, and the folder of those that can be made again."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not POSIX: leftovers of a killed program stay, one writer is the user's care
    fcntl = None  # type: ignore[assignment]

from bayes_scaling.errors import InputError

LONGEST_TOML = 1 << 18
"""Longest TOML file that is read [bytes]; a model has five thousand."""

DEEPEST_TOML = 20
"""Tables within tables of such a file; a model has five."""

CACHE_VARIABLE = "BAYES_SCALING_CACHE"
"""Name of the environment variable of the cache folder."""


LOCKS = fcntl is not None
"""Whether this system locks files."""

_UNFINISHED: set[Path] = set()
"""Files and folders that this process is writing."""

LEFTOVER = "[0-9a-f]" * 8
"""Pattern of what is put behind the name of a file that is being written."""


def check_target(path: str | Path, *, room: int = 4096) -> Path:
    """Return where a file is to be written, or say why it cannot be.

    Parameters
    ----------
    path : str or Path
        The file to write.
    room : int
        Bytes that the file will take at least; they must be there.

    Raises
    ------
    InputError
        It is a folder, or its folder does not exist, cannot be written to or is full.
    """
    path = check_place(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(probe.fileno(), 0, room)
    except OSError as error:
        raise cannot_write(path, error, f"{room:,} bytes are needed") from None
    return path


def check_place(path: str | Path) -> Path:
    """Return where a file is to be written, whether there is room for it or not.

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


def made_folder(folder: str | Path, what: str) -> Path:
    """Return a folder, made where there is none.

    Parameters
    ----------
    folder : str or Path
        The folder.
    what : str
        What needs it, for the message.

    Raises
    ------
    InputError
        It is a file, or cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{what} must be a folder; {str(folder)!r} is a file") from None
    except OSError as error:
        raise cannot_write(folder, error, f"{what} needs a folder to write to") from None
    return folder


def cannot_write(path: Path, error: OSError, what: str) -> InputError:
    """Return what is said where the machine refuses to write a file."""
    return InputError(
        f"cannot write {path.name!r} in {str(path.parent)!r}: {error.strerror or error}; {what}"
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        It cannot be read, is no TOML, or is longer or nested deeper than any of ours.
    """
    try:
        if path.stat().st_size > LONGEST_TOML:
            raise InputError(
                f"has {path.stat().st_size:,} bytes, at most {LONGEST_TOML:,} are read",
                source=str(path),
            )
        text = path.read_text(encoding="utf-8")
        if re.search(rf"(?:[\w\"'-]+\s*\.\s*){{{DEEPEST_TOML},}}", text):  # quadratic in tomllib
            raise RecursionError
        found = tomllib.loads(text)
        _check_nesting(found)
    except RecursionError:
        raise InputError(
            f"tables are nested deeper than {DEEPEST_TOML} in each other", source=str(path)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not a TOML file: {error}", source=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path)) from None
    return found


def _check_nesting(found: dict[str, Any]) -> None:
    """Raise `RecursionError` where tables or lists are nested too deeply."""
    level: list[Any] = [found]
    for _ in range(DEEPEST_TOML):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, dict | list)
        ]
    if level:
        raise RecursionError


@contextmanager
def replacing(path: Path, otherwise: str = "nothing was written") -> Iterator[Path]:
    """Give a temporary name to write to; it takes the place of `path` when all went well.

    The temporary file is locked while it is written, so what a killed program left can be told from
    what another one is writing, and is removed.

    Parameters
    ----------
    path : Path
        The file.
    otherwise : str
        What is said where the machine refuses to write it.

    Raises
    ------
    InputError
        The machine refuses to write it; what was at `path` stays.
    """
    try:
        with _replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise cannot_write(path, error, otherwise) from None


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Do as `replacing` does, but leave the errors of the machine as they are."""
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    _UNFINISHED.add(temporary)
    try:
        with temporary.open("wb") as held:
            lock(held.fileno())
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        _UNFINISHED.discard(temporary)


@contextmanager
def folder_in_making(base: Path, prefix: str) -> Iterator[Path]:
    """Give a new folder, which goes at the end unless it was renamed."""
    temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    _UNFINISHED.add(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _UNFINISHED.discard(temporary)


def remove_unfinished() -> None:
    """Remove what this process is writing, before it ends in the middle of it."""
    for path in list(_UNFINISHED):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock an open file until it is closed, and return whether this program holds it.

    Without `wait` it does not where another one does. A system without locks holds every file.
    """
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def whole_lines(content: bytes) -> bytes:
    """Return the lines that end: what stands behind the last one was being written at a kill."""
    return content[: content.rfind(b"\n") + 1]


def append(file: FileIO, content: bytes) -> None:
    """Append to a file and wait until all is on the disk; else the file stays as it was.

    Raises
    ------
    OSError
        There is no room for it.
    """
    end = file.seek(0, os.SEEK_END)
    try:
        while content:
            content = content[file.write(content) or 0 :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _sweep(path: Path) -> None:
    """Remove what killed programs left of a file."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{LEFTOVER}"):
        if not LOCKS:
            return
        try:
            with leftover.open("rb") as held:
                if lock(held.fileno(), wait=False):
                    leftover.unlink()
        except OSError:
            continue  # gone by now, or not ours


def write_or_keep(path: Path, content: bytes, what: str) -> None:
    """Write a file whole, or else where there is room for it.

    Raises
    ------
    InputError
        It could not be written; the message names the file that it was kept in, if any.
    """
    try:
        with _replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        kept = _kept_elsewhere(path, content)
        if kept is None:
            told = f"no other place had room for {what} either: free {len(content):,} bytes"
        else:
            told = f"{what} is kept in {str(kept)!r}: move it once there is room"
        raise cannot_write(path, error, told) from None


def _kept_elsewhere(path: Path, content: bytes) -> Path | None:
    """Write a file to the first of the usual other folders that takes it; None where none does."""
    for folder in (Path(tempfile.gettempdir()), cache_folder() / "kept", Path.home()):
        kept = folder / f"{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _replacing(kept) as temporary:
                temporary.write_bytes(content)
        except OSError:
            continue
        return kept
    return None


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
