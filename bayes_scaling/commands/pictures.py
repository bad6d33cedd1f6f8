"""Pictures that commands write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
"""Files that a picture can be written to."""


def check_picture(path: Path) -> None:
    """Raise `InputError` where no picture can be written to a path."""
    check_target(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path.name!r} is no picture; end it in {', '.join(FORMATS)}")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure whole, in the format that the path ends in."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix.lower().removeprefix("."))
