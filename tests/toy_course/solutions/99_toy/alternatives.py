from lecture_lib.checking.bank import alternative


@alternative("double")
def adds(x):
    return x + x


@alternative("total")
def loops(numbers):
    running = 0
    for number in numbers:
        running += number
    return running
