"""What students import: checks, demos, corpora, models, plots.

Importing this package loads nothing else: each part is imported where it is used, so that a notebook opens in a moment
and torch is paid for only by the units that need it.
"""

__version__ = "0.2.0"
