import numpy as np


def double(x):
    return np.add(x, x)


def total(numbers):
    return int(np.sum(numbers))
