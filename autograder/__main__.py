"""`python -m autograder VERB`: see `--help`."""

from autograder.cli import main

if __name__ == "__main__":
    main()
