"""Right answers to the exercises of unit 00_example, written differently: the checks must take them too."""

from lecture_lib.checking.bank import alternative


@alternative("shares")
def one_by_one(counts):
    return np.array([count / sum(counts) for count in counts])  # noqa: F821  the lesson's set-up cell imports np
