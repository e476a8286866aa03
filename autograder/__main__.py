"""`python -m autograder VERB`: see `--help`."""

import sys

# jsonschema would build a grammar of international web addresses with it: a second's work that no notebook asks for.
sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType]  None: an import of it fails

if __name__ == "__main__":  # and not in the processes that grade, which import this file too
    from autograder.cli import main

    main()
