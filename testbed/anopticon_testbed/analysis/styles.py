"""Colours and type of all pictures: readable in print, in grey, and by people who tell few colours apart."""

from __future__ import annotations

from typing import Any, Final

# Okabe and Ito, 2008.
BLUE: Final = "#0072B2"
AMBER: Final = "#E69F00"
RED: Final = "#D55E00"
GREEN: Final = "#009E73"
SKY: Final = "#56B4E9"
GREY: Final = "#8A8F98"
INK: Final = "#22262B"

STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E6EA",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.fontsize": 8,
    "svg.hashsalt": "anopticon",
    "svg.fonttype": "none",
}
