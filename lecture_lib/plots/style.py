"""One look for every plot of the course: colour-blind-safe, readable from the last row of a lecture hall."""

from contextlib import AbstractContextManager
from typing import Any

# Okabe and Ito (2008), in an order in which neighbours differ most.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

STYLE: dict[str, Any] = {
    "figure.figsize": (7.5, 4.2),
    "figure.dpi": 100,
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 2.5,
    "lines.markersize": 7,
    "legend.frameon": False,
    "image.cmap": "cividis",
}


def course_style() -> AbstractContextManager:
    """A context in which matplotlib draws in the course's look: `with course_style(): fig, ax = plt.subplots()`."""
    import matplotlib
    from cycler import cycler

    look: dict[Any, Any] = {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}
    return matplotlib.rc_context(look)
