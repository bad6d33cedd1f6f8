"""The hashes of a saved fit: one of the file as it was written, one of what answers depend on.

The first stands behind the last byte of the netCDF file, where HDF5 does not look, and is read
before HDF5 is: a damaged file never reaches it. A program that edits the file by way of HDF5 drops
that line; then the second, which lies in the header, still says whether an answer could differ.
Neither is a signature: they tell damage and editing, not who wrote a file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError

MARK = b"\nbayes-scaling sha256 "
LENGTH = len(MARK) + 64 + 1
"""Bytes of the line behind the file."""

SEAL = "seal"
"""Key of the header that holds the hash of the content."""

ARRAYS = ("draws", "steps", "stats")


def signed(content: bytes | memoryview) -> bytes:
    """Return the bytes of a file with the line that holds their hash."""
    digest = hashlib.sha256(content).hexdigest().encode()
    return b"".join((content, MARK, digest, b"\n"))


def check_bytes(path: Path) -> None:
    """Raise `InputError` where a file holds other bytes than were written; some have no such line.

    Raises
    ------
    InputError
        Bytes were changed.
    """
    size = os.path.getsize(path) - LENGTH
    if size <= 0:
        return
    with path.open("rb") as file:
        file.seek(size)
        line = file.read()
        if not line.startswith(MARK):
            return
        file.seek(0)
        digest = hashlib.sha256()
        while size > 0:
            block = file.read(min(size, 1 << 20))
            size -= len(block)
            digest.update(block)
    if digest.hexdigest().encode() != line[len(MARK) : -1]:
        raise InputError(
            "damaged: its bytes are not those that were saved; take it from a backup, or fit again"
        )


def seal_of(
    header: Mapping[str, Any],
    arrays: Mapping[str, Mapping[str, NDArray[Any]]],
    hashes: Mapping[str, str],
) -> str:
    """Hash all that the answers of a fit depend on.

    Parameters
    ----------
    header : mapping
        What is saved as JSON. The model and the table count by their `hashes`, which pass over
        titles and explanations.
    arrays : mapping of str to mapping of str to array
        Draws, steps and statistics, by name.
    hashes : mapping of str to str
        Of the model and of the runs.

    Returns
    -------
    str
        The SHA-256 in hexadecimal digits.
    """
    kept = {key: value for key, value in header.items() if key not in ("model", SEAL, "format")}
    digest = hashlib.sha256(json.dumps([kept, dict(hashes)], sort_keys=True).encode())
    for kind in ARRAYS:
        for name, values in sorted(arrays.get(kind, {}).items()):
            plain = np.ascontiguousarray(values)
            plain = plain.astype(bool) if name == "diverging" else plain
            digest.update(f"\n{kind} {name} {plain.dtype.str} {plain.shape}\n".encode())
            digest.update(plain.tobytes())
    return digest.hexdigest()


def check_seal(header: Mapping[str, Any], found: str) -> None:
    """Raise `InputError` where the content of a header and its arrays is not what was saved."""
    if found != header[SEAL]:
        raise InputError(
            "draws, references, settings, checks or another part that answers depend on have "
            f"changed since the fit was saved (hash {found[:12]}, saved {str(header[SEAL])[:12]}): "
            "fit again"
        )
