"""Wrong answers that students give in unit 00_example, with the hints that they earn: at least three for an exercise.

A mistake that is a small change of the lesson's answer says the change: a piece that stands there once, and what stands
there instead. One that is another idea is written out. A hint asks a question; it doesn't give the answer.
"""

from lecture_lib.checking.bank import misconception, wrong_choice

of_the_largest = misconception(
    "shares",
    "Your largest share is 1, and they add up to more. What is the whole that each is a part of?",
    change=("np.sum(counts)", "np.max(counts)"),
)

whole_numbers = misconception(
    "shares",
    "Your shares are all 0, or 1 where there is one count only. Which division keeps what is behind the point?",
    change=("counts / whole", "counts // whole"),
)


@misconception("shares", "You divide by how many counts there are: whose mean would that be?")
def by_their_number(counts):
    return counts / len(counts)


# A wrong letter of a poll, under the name of the mistake that it shows.
doubles = wrong_choice("when_all_double", "A", "Each part doubles; what does the whole do?", name="doubles")
halves = wrong_choice("when_all_double", "C", "The whole doubles; what does each part do?", name="halves")
