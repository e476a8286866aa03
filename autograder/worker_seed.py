"""Imported by the process that grading workers are forked from: what each of them would otherwise do for itself.

Unlike any other module of ours it works on import, because that is all that `multiprocessing` lets a fork server do.
"""

# ruff: noqa: E402, F401
import sys

# jsonschema would build a grammar of international web addresses with it: a second's work that no notebook asks for.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat
import nbgrader.apps
import sqlalchemy.orm
from nbformat.v4 import new_code_cell, new_notebook

import autograder.grading.task
import autograder.preprocessors.verify

sqlalchemy.orm.configure_mappers()
for _strip in (True, False):  # compiles the two validators that nbformat keeps
    nbformat.validate(new_notebook(cells=[new_code_cell("1")]), relax_add_props=_strip)
