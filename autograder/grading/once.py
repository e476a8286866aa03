"""What nbgrader does anew for each notebook, and a process that grades one after the other needs to do once.

Each of a submission's eight openings of the gradebook makes a new engine of SQLAlchemy, which compiles every statement
anew. SQLite waits at each commit until the disk has the data, though nobody would read a scratch gradebook after a
crash: it is the class's that lasts, see writer.py. And for each cell the schema of nbgrader's metadata is checked by
the schema of schemas. Together that was nearly a third of a task's
time.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import jsonschema
import nbgrader.api
import nbgrader.nbgraderformat.common
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool

_path: Path | None = None
_validators: list[jsonschema.protocols.Validator] = []


@contextmanager
def done_once(gradebook: Path) -> Iterator[None]:
    """In the block, this file is the gradebook of all nbgrader steps of this process, whatever their settings say."""
    global _path
    _path = gradebook
    with (
        patch.object(nbgrader.api, "create_engine", lambda url, **options: _engine()),
        patch.object(nbgrader.nbgraderformat.common, "jsonschema", SimpleNamespace(validate=_validate)),
    ):
        _engine().dispose()  # no connection to the gradebook of a task before
        try:
            yield
        finally:
            _engine().dispose()


@lru_cache
def _engine() -> Engine:
    return create_engine("sqlite://", creator=_connection, poolclass=QueuePool)


def _connection() -> sqlite3.Connection:
    book = sqlite3.connect(_path)
    book.execute("PRAGMA synchronous = OFF")
    book.execute("PRAGMA journal_mode = MEMORY")
    return book


def _validate(instance: object, schema: dict) -> None:
    """As jsonschema's own."""
    validator = next((known for known in _validators if known.schema == schema), None)
    if validator is None:
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        _validators.append(validator := kind(schema))
    error = jsonschema.exceptions.best_match(validator.iter_errors(instance))
    if error is not None:
        raise error
