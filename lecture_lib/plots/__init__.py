"""Plots that lessons share, in one look: see `style.py`."""
