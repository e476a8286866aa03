import numpy as np

from lecture_lib.checking.bank import misconception, wrong_choice


@misconception("double", "Your result grows with the square: which operation is twice?")
def squares(x):
    return np.square(x)


@misconception("double", "Your result is the input itself: what was asked for?")
def identity(x):
    return x


@misconception("double", "Your call leaves its argument changed: who else may hold it?")
def in_place(x):
    x *= 2
    return x


@misconception("total", "Your result for an empty list is None: what is the sum of nothing?")
def none_when_empty(numbers):
    return sum(numbers) if numbers else None


@misconception("total", "Your result leaves one number out: which?")
def skips_first(numbers):
    return sum(numbers[1:])


@misconception("total", "Your result is a mean: what was asked for?")
def mean(numbers):
    return sum(numbers) / max(1, len(numbers))


first = wrong_choice("which_sum", "A", "You took the larger of the two: did you add?", name="first")
third = wrong_choice("which_sum", "C", "You have counted one too many: which numbers did you add?", name="third")
