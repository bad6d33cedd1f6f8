"""The header of a saved fit, edited by way of HDF5 as a stranger's program would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py


def edit_header(path: Path, change: Callable[[dict[str, Any]], object], at: str = "") -> None:
    """Change the header of a saved fit, or of a member, in place."""
    with h5py.File(path, "r+") as file:
        header = json.loads(file[f"{at}header/header"].asstr()[()])
        change(header)
        file[f"{at}header/header"][()] = json.dumps(header)
