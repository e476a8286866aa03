"""What can go wrong with what a user gave, said in one line."""


class InputError(ValueError):
    """A setting, a file or a machine is not what was asked for; the message says what to do next."""


class DivergedError(RuntimeError):
    """The loss or its gradient is no longer a number; the last checkpoint is kept."""
