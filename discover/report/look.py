"""The look of figures: two schemes (light, dark) by two widths (a desk, a phone), and how one is rendered."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by colour-blind readers; the black one is left out for the dark scheme.
OPERATOR_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C7A00", "#7F7F7F")
PIXELS_PER_INCH = 200  # twice what a page shows, for sharp screens


@dataclass(frozen=True)
class Look:
    """Colours and room of one rendering."""

    dark: bool = False
    narrow: bool = False

    @property
    def paper(self) -> str:
        """Background, the page's own card colour."""
        return "#1b2126" if self.dark else "#ffffff"

    @property
    def ink(self) -> str:
        """Text, axes, tie-lines."""
        return "#dde4e8" if self.dark else "#20282e"

    @property
    def faint(self) -> str:
        """Grids and what should stand back."""
        return "#3a444b" if self.dark else "#dfe4e7"

    @property
    def quiet(self) -> str:
        """Secondary text and points without a colour of their own."""
        return "#93a1aa" if self.dark else "#66737c"

    @property
    def accent(self) -> str:
        """Stable phases."""
        return "#ffb454" if self.dark else "#b3430f"

    def heat(self) -> Colormap:
        """Colours of energy above the hull; what lies on the hull always has the most contrast."""
        import matplotlib as mpl
        import numpy as np
        from matplotlib.colors import ListedColormap

        steps = np.linspace(1.0, 0.28, 256) if self.dark else np.linspace(0.05, 0.88, 256)
        return ListedColormap(mpl.colormaps["viridis"](steps))

    def rc(self) -> dict[Any, Any]:
        """Settings for `matplotlib.rc_context`."""
        return {
            "font.size": 9.0,
            "font.family": "DejaVu Sans",  # shipped with matplotlib: the same picture on every machine
            "mathtext.fontset": "dejavusans",
            "axes.edgecolor": self.quiet,
            "axes.facecolor": self.paper,
            "axes.labelcolor": self.ink,
            "axes.linewidth": 0.8,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.facecolor": self.paper,
            "grid.color": self.faint,
            "grid.linewidth": 0.7,
            "legend.frameon": False,
            "legend.labelcolor": self.ink,
            "text.color": self.ink,
            "xtick.color": self.quiet,
            "ytick.color": self.quiet,
            "xtick.labelcolor": self.ink,
            "ytick.labelcolor": self.ink,
        }


@dataclass(frozen=True)
class Plot:
    """A figure before it is rendered.

    Attributes:
        name: file name without suffix.
        alt: what a reader who cannot see it should know.
        caption: one or two sentences beneath it.
        draw: fills an empty figure in the given look.
        wide_in: width and height in inches on a desk.
        narrow_in: the same on a phone.
    """

    name: str
    alt: str
    caption: str
    draw: Callable[[Figure, Look], None]
    wide_in: tuple[float, float] = (7.8, 4.3)
    narrow_in: tuple[float, float] = (3.5, 3.7)


@dataclass(frozen=True)
class Rendered:
    """A figure in its four looks, PNG."""

    plot: Plot
    light: bytes
    dark: bytes
    light_narrow: bytes
    dark_narrow: bytes


def render(plot: Plot) -> Rendered:
    """Render a figure for both schemes and both widths."""
    narrow_by_dark = product((False, True), (False, True))
    return Rendered(plot, *(png(plot, Look(dark=dark, narrow=narrow)) for narrow, dark in narrow_by_dark))


def png(plot: Plot, look: Look) -> bytes:
    """One look of a figure."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(look.rc()):
        figure = Figure(figsize=plot.narrow_in if look.narrow else plot.wide_in, layout="constrained")
        FigureCanvasAgg(figure)
        plot.draw(figure, look)
        buffer = io.BytesIO()
        # No software or date in the file: the same run gives the same bytes.
        figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def thinned(picture: bytes) -> bytes:
    """The same PNG in 128 colours, about a third of its size: for pages with many figures."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    return buffer.getvalue()
