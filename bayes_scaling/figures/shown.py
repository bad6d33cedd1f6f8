"""Figures and axes that a notebook shows, though they belong to no window.

Import it inside functions only: it needs matplotlib.
"""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

RESOLUTION = 110
"""Of the picture in a notebook [dots per inch]."""


class ShownFigure(Figure):
    """A figure that is its own picture where a cell ends with it."""

    legend_below = False
    """Whether the legend of its axes stands under them, where it covers nothing."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=RESOLUTION)
        return buffer.getvalue()


class ShownAxes(Axes):
    """Axes that show their whole figure where a cell ends with them."""

    def _repr_png_(self) -> bytes | None:
        figure = self.get_figure(root=True)
        return figure._repr_png_() if isinstance(figure, ShownFigure) else None
