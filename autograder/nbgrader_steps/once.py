"""What nbgrader does for every notebook, and a process that grades many needs to do once.

Each of a submission's eight openings of the gradebook makes a new engine of SQLAlchemy, which compiles every statement
again, and looks for every table, which a task's gradebook has (`extract`). SQLite waits at each commit until the disk
has the data, though nobody would read a scratch gradebook after a crash: it is the class's that lasts, see writer.py.
For each cell the schema of nbgrader's metadata is checked by the schema of schemas, and for each output nbformat's
schema is read from the top. In a block of `done_once` these four are replaced by ours, `_replacements` says which.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import fastjsonschema
import jsonschema.exceptions
import jsonschema.protocols
import jsonschema.validators
import nbformat
import nbgrader.api
import nbgrader.nbgraderformat.common
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool

# The versions that were read for this; with any other, nothing is replaced, and grading is only slower.
KNOWN = {"nbgrader": "0.9.", "nbformat": "5.11."}

_TABLES = nbgrader.api.Base.metadata
_their_create_all = _TABLES.create_all
_path: Path | None = None
_validators: list[jsonschema.protocols.Validator] = []


class Replacement(NamedTuple):
    """In `owner`, the attribute `name` is `ours` while a task is graded."""

    owner: Any
    name: str
    ours: Any


@contextmanager
def done_once(gradebook: Path) -> Iterator[None]:
    """In the block, this file is the gradebook of all nbgrader steps of this process, as their settings say too."""
    global _path
    if unknown_versions():
        yield
        return
    _path = gradebook
    with ExitStack() as kept:
        for replacement in _replacements():
            kept.enter_context(_replaced(*replacement))
        _engine().dispose()  # no connection to the gradebook of a task before
        try:
            yield
        finally:
            _engine().dispose()


@lru_cache
def unknown_versions() -> tuple[str, ...]:
    """What is installed and was not read for this, e.g. "nbgrader 0.10.0"; said once in the log."""
    unknown = tuple(f"{name} {version(name)}" for name, known in KNOWN.items() if not version(name).startswith(known))
    if unknown:
        logging.getLogger(__name__).warning("%s: not known here, so grading takes longer", ", ".join(unknown))
    return unknown


def _replacements() -> list[Replacement]:
    return [
        Replacement(nbgrader.api, "create_engine", lambda url, **options: _engine()),
        Replacement(_TABLES, "create_all", _create_all),
        Replacement(nbgrader.nbgraderformat.common, "jsonschema", SimpleNamespace(validate=_validate)),
        Replacement(nbformat.v4.nbbase, "validate", _validate_part),
    ]


@contextmanager
def _replaced(owner: Any, name: str, ours: Any) -> Iterator[None]:
    own = name in vars(owner)
    theirs = getattr(owner, name)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, theirs)
        else:
            delattr(owner, name)


@lru_cache
def _engine() -> Engine:
    return create_engine("sqlite://", creator=_connection, poolclass=QueuePool)


def _connection() -> sqlite3.Connection:
    assert _path is not None
    book = sqlite3.connect(_path)
    book.execute("PRAGMA synchronous = OFF")
    book.execute("PRAGMA journal_mode = MEMORY")
    return book


def _create_all(bind: Engine) -> None:
    assert _path is not None
    if not _path.stat().st_size:
        _their_create_all(bind=bind)


def _validate(instance: Any, schema: dict) -> None:
    """As jsonschema's own."""
    validator = next((known for known in _validators if known.schema == schema), None)
    if validator is None:
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        _validators.append(validator := kind(schema))
    error = jsonschema.exceptions.best_match(validator.iter_errors(instance))
    if error is not None:
        raise error


def _validate_part(node: nbformat.NotebookNode, ref: str | None = None) -> None:
    """As nbformat's own: `ref` names the part of a notebook that `node` is."""
    if ref is None:
        nbformat.validate(node, version=4)
        return
    try:
        _compiled(ref)(node)
    except fastjsonschema.JsonSchemaValueException as error:
        raise nbformat.ValidationError(str(error)) from None


@lru_cache
def _compiled(ref: str) -> Callable:
    name = nbformat.v4.nbformat_schema[nbformat.v4.nbformat, nbformat.v4.nbformat_minor]
    schema = json.loads(Path(nbformat.v4.__file__).with_name(name).read_text(encoding="utf-8"))
    return fastjsonschema.compile({"$ref": f"#/definitions/{ref}", "definitions": schema["definitions"]})
