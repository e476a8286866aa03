"""The student's own work, by name: `my.softmax` is theirs once it has passed its check, a fallback until then.

Later cells of a lesson build on `my.NAME`, so that a skipped exercise stops nothing, and one mistake is not counted
again in every exercise that builds on it. What passed is also written down, so that a later unit goes on with it.

    versions.py `my`: whose version a name stands for, and the line that says so
    saved.py    the folder my_work: one small Python file for each exercise that passed
    source.py   a definition with all that it needs, cut out of the notebook's cells
"""

from lecture_lib.mywork.versions import MyWork, fallback_module, fallbacks, saved_work

__all__ = ["MyWork", "fallback_module", "fallbacks", "saved_work"]
