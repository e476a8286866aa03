"""Imported by the process that grading workers are forked from: what each of them would otherwise do for itself.

Unlike any other module of ours it works on import, because that is all that `multiprocessing` lets a fork server do.
The garbage collector is off from here on, as all that is made now stays: a worker turns it on (grading/local.py).
"""

# ruff: noqa: E402, F401
import gc
import sys

gc.disable()

# jsonschema would build a grammar of international web addresses with it: a second's work that no notebook asks for.
sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType]  None: an import of it fails

import nbformat
import nbgrader.apps
import sqlalchemy.dialects.sqlite
import sqlalchemy.orm
from nbformat.v4 import new_code_cell, new_notebook

import autograder.grading.task
import autograder.nbgrader_steps.execute
import autograder.nbgrader_steps.feedback_page
import autograder.nbgrader_steps.mend
import autograder.nbgrader_steps.once
import autograder.nbgrader_steps.verify

sqlalchemy.orm.configure_mappers()
for _strip in (True, False):  # compiles the two validators that nbformat keeps
    nbformat.validate(new_notebook(cells=[new_code_cell("1")]), relax_add_props=_strip)
