"""The probes of unit 00_example. A probe calls the student's object and yields cases; it holds no answer.

Inputs are drawn from `rng`, so that the sealed check asks the same on other inputs. Cases go from simple to subtle, and
each misconception must fail one, in a way that tells it from the others: the build sees to that.
"""

import numpy as np

from lecture_lib.checking import case, exercise, poll


@exercise("shares", points=2)
def probe_shares(shares, rng):
    yield case("two counts", shares, np.array([1, 3]))
    yield case("one count is 0", shares, np.array([0, *rng.integers(1, 9, size=2)]))
    yield case("many counts", shares, rng.integers(1, 50, size=6))


when_all_double = poll("when_all_double", points=1, choices="ABC")
