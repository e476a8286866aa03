"""`python -m autograder VERB`: see `--help`."""

import sys

# jsonschema would build a grammar of international web addresses with it: a second's work that no notebook asks for.
sys.modules.setdefault("rfc3987_syntax", None)

from autograder.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
