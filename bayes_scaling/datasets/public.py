"""Public tables are fetched once: a pinned address, a hash, a cache, a local mirror."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bayes_scaling.errors import InputError
from bayes_scaling.files import CACHE_VARIABLE, cache_folder, cannot_write, replacing

MIRROR_VARIABLE = "BAYES_SCALING_MIRROR"
TIMEOUT = 30
"""Seconds to wait for a server."""


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """A file on the web that must have a known content.

    Parameters
    ----------
    filename : str
        Name in the cache and in a mirror.
    url : str
        Where it is published.
    sha256 : str
        Hash of its content.
    """

    filename: str
    url: str
    sha256: str


CHINCHILLA = PublicFile(
    filename="svg_extracted_data.csv",
    url=(
        "https://raw.githubusercontent.com/epoch-research/analyzing-chinchilla/main/data/"
        "svg_extracted_data.csv"
    ),
    sha256="193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30",
)
"""Points read off figure 4 of Hoffmann et al. (2022) by Epoch AI."""


def fetch(file: PublicFile, *, cache_dir: str | Path | None = None) -> Path:
    """Path of a public file, fetched on first use and checked against its hash.

    ``BAYES_SCALING_MIRROR`` names a folder or the start of an address that holds the file under
    its name; it then takes the place of the publisher.

    Parameters
    ----------
    file : PublicFile
    cache_dir : path, optional
        See `cache_folder`.

    Returns
    -------
    Path
        The file in the cache.

    Raises
    ------
    InputError
        It cannot be fetched, or its content is not the expected one.
    """
    folder = cache_folder(cache_dir)
    path = folder / file.filename
    if path.exists():
        _check(path.read_bytes(), file, origin=str(path), advice="delete it to fetch it again")
        return path
    content, origin = _read(file, path)
    _check(content, file, origin=origin, advice="the published file has changed, or is not it")
    _store(content, path)
    return path


def _read(file: PublicFile, path: Path) -> tuple[bytes, str]:
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror and "://" not in mirror:
        local = Path(mirror) / file.filename
        if not local.is_file():
            raise InputError(
                f"{MIRROR_VARIABLE} is {mirror!r}, which holds no {file.filename}; put the file "
                f"there, or unset the variable to fetch {file.url}"
            )
        return local.read_bytes(), str(local)
    url = f"{mirror.rstrip('/')}/{file.filename}" if mirror else file.url
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            content: bytes = answer.read()
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise InputError(
            f"{url} cannot be fetched ({reason}); without a network put the file "
            f"(sha256 {file.sha256}) at {path}, or name a folder that holds it in {MIRROR_VARIABLE}"
        ) from error
    return content, url


def _check(content: bytes, file: PublicFile, *, origin: str, advice: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise InputError(f"{origin} has sha256 {found}; expected {file.sha256}: {advice}")


def _store(content: bytes, path: Path) -> None:
    advice = f"name a folder you may write to in {CACHE_VARIABLE}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error, advice) from error
    with replacing(path, advice) as temporary:
        temporary.write_bytes(content)
