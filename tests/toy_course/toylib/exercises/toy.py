from lecture_lib.checking import case, exercise, poll


@exercise("double", points=2)
def probe_double(double, rng):
    yield case("zero", double, 0)
    for size in ("small", "large"):
        yield case(size, double, rng.normal(size=3 if size == "small" else 5))


@exercise("total", points=4)
def probe_total(total, rng):
    yield case("empty", total, [])
    yield case("some", total, [int(n) for n in rng.integers(1, 9, size=4)])


which_sum = poll("which_sum", points=1, choices="ABC")
