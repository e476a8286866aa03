# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A toy unit
# It doubles, and it adds.

# %% tags=["setup"]
import numpy as np
from lecture_lib.checking import open_unit

check, my = open_unit("99_toy")


# %% tags=["exercise:double"]
def double(x):
    """Twice x.

    >>> double(2)
    4
    """
    ### BEGIN SOLUTION
    twice_of_it = 2 * x
    return twice_of_it
    ### END SOLUTION


# %% [markdown] tags=["hints:double"]
# 1. What is twice a number?
# 2. An array of the same shape.
# 3. Multiply.

# %% tags=["experiment"]
print("doubling", my.double(np.array([21])))


# %% tags=["exercise:total"]
def total(numbers):
    """The sum of a list of integers."""
    ### BEGIN SOLUTION
    return sum(numbers)
    ### END SOLUTION


# %% [markdown]
# Which of the three is the sum of 1 and 2?
#
# * **A** 2
# * **B** 3
# * **C** 4

# %% tags=["exercise:which_sum"]
which_sum = None  # write "A", "B" or "C"
### BEGIN SOLUTION
which_sum = "B"
### END SOLUTION
