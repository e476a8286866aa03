# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Example
#
# *(A cell without a tag, like this one, is released as it stands. The opening cell asks the question of the unit, and
# says what will be built, what is needed, and how long it takes. All that stands in these brackets is for the author:
# replace it.)*
#
# **The question of this unit:** how much of the whole is each part?

# %% tags=["setup"]
import numpy as np

from lecture_lib.checking import open_unit

check, my = open_unit("00_example")

# %% [markdown]
# ## 1. From counts to shares
#
# *(The cell above is the one with the tag `setup`: its imports are there for every answer, right or wrong, and it opens
# the unit. Then each idea: a prediction, an example by hand, the exercise, and what it shows.)*
#
# **Predict:** of four marbles one is red and three are blue. Which share has each colour?
#
# **Build** it for any counts.


# %% tags=["exercise:shares"]
def shares(counts):
    """The share of each count in the sum of all.

    counts: (n,) array of numbers that are not negative, not all 0
    -> (n,) floats that add up to 1

    >>> shares(np.array([1, 3]))
    array([0.25, 0.75])
    """
    ### BEGIN SOLUTION
    whole = np.sum(counts)
    return counts / whole
    ### END SOLUTION


# %% [markdown] tags=["hints:shares"]
# 1. What do all shares together add up to? (The cell with `hints:` and the name of an exercise: a numbered list that
#    unfolds item by item. The check of the exercise comes after it, added by the build.)
# 2. `counts` is (n,), its sum one number, and so their quotient is (n,).
# 3. Divide by the sum.

# %% [markdown]
# **See:** it is `my.shares` from here on: the student's own once its check has passed,
# the fallback until then.

# %%
my.shares(np.array([1, 3]))

# %% tags=["experiment"]
# A cell with the tag experiment, demo or break-it only shows something: students run it, grading leaves it out.
print(my.shares(np.arange(1, 11)).round(3))

# %% [markdown]
# ## 2. A question with one right answer
#
# *(A poll: its options stand in the cell before it, in this form; the build draws their order. Each wrong letter has a
# hint.)* Every count is doubled. What happens to the shares?
#
# * **A** They double, too.
# * **B** They stay as they are.
# * **C** They are halved.

# %% tags=["exercise:when_all_double"]
when_all_double = None  # write "A", "B" or "C"
### BEGIN SOLUTION
when_all_double = "B"
### END SOLUTION

# %% [markdown]
# **To take with you:** a share is a part of a whole, and doesn't know how large the whole is.
