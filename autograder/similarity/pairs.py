"""Pairs of students of one class, and how much rare code their answers share.

A fingerprint that n of N answers to an exercise hold weighs log2(N / n): a short exercise has few right forms, and what
half of the class writes, or what stands in the release or in the library, weighs nothing.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from autograder.similarity.fingerprints import fingerprints
from autograder.similarity.normal import normalise

ALIKE = 0.5  # from this share of rare code on, an exercise is named as alike
COMMON = 0.5  # what this share of the class writes weighs nothing


@dataclass(frozen=True)
class Alike:
    """Two answers to one exercise. share: of the rare code of both, the part in common (a weighted Jaccard index)."""

    unit: str
    exercise: str
    share: float
    weight: float  # of what they have in common
    renamed: bool  # the same but for names, layout and comments
    same_text: bool  # the same to the letter, spaces aside


@dataclass
class Pair:
    students: tuple[str, str]
    weight: float  # over all exercises
    alike: list[Alike] = field(default_factory=list)


@dataclass
class Comparison:
    """The pairs that share most, and `weights` of all pairs that handed in something in common."""

    pairs: list[Pair]
    weights: np.ndarray
    answers: int


Codes = dict[tuple[str, str], dict[str, str]]  # (unit id, exercise) -> student -> code


def compare(codes: Codes, baseline: dict[tuple[str, str], list[str]], most: int = 30) -> Comparison:
    """Compares all answers. baseline: code that everybody was given, by exercise."""
    students = sorted({student for by_student in codes.values() for student in by_student})
    place = {student: i for i, student in enumerate(students)}
    total = np.zeros((len(students), len(students)))
    shares = {}
    for key, by_student in codes.items():
        here = np.array([place[student] for student in by_student], dtype=int)
        given = set().union(*(_prints(code) for code in baseline.get(key, [])), set())
        weight, share = _one_exercise([_prints(code) for code in by_student.values()], given)
        total[np.ix_(here, here)] += weight
        shares[key] = here, weight, share
    first, second = np.triu_indices(len(students), 1)
    order = np.argsort(-total[first, second], kind="stable")[:most]
    pairs = []
    for a, b in zip(first[order], second[order]):
        alike = _alike(codes, shares, students, int(a), int(b))
        if alike:
            pairs.append(Pair((students[a], students[b]), float(total[a, b]), alike))
    return Comparison(pairs, total[first, second], sum(map(len, codes.values())))


def _one_exercise(prints: list[frozenset[int]], given: set[int]) -> tuple[np.ndarray, np.ndarray]:
    """(weight of what each two answers share, its share of the weight of both), each answers x answers."""
    counts: dict[int, int] = {}
    for found in prints:
        for one in found - given:
            counts[one] = counts.get(one, 0) + 1
    n = len(prints)
    weights = {one: np.log2(n / count) for one, count in counts.items() if count < COMMON * n}
    own = np.array([sum(weights.get(one, 0.0) for one in found) for found in prints])
    columns = {one: i for i, one in enumerate(o for o in weights if counts[o] > 1)}
    holds = np.zeros((n, len(columns)))
    for row, found in enumerate(prints):
        holds[row, [columns[one] for one in found if one in columns]] = 1.0
    shared = (holds * np.array([weights[one] for one in columns])) @ holds.T
    either = own[:, None] + own[None, :] - shared
    return shared, np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def _alike(codes: Codes, shares: dict, students: list[str], a: int, b: int) -> list[Alike]:
    found = []
    for (unit, exercise), (here, weight, share) in shares.items():
        rows = np.flatnonzero(here == a), np.flatnonzero(here == b)
        if not (len(rows[0]) and len(rows[1])):
            continue
        i, j = rows[0][0], rows[1][0]
        if weight[i, j] > 0 and share[i, j] >= ALIKE:
            one, other = (codes[unit, exercise][students[s]] for s in (a, b))
            renamed = normalise(one).exact == normalise(other).exact
            same_text = "".join(one.split()) == "".join(other.split())
            found.append(Alike(unit, exercise, float(share[i, j]), float(weight[i, j]), renamed, same_text))
    return sorted(found, key=lambda alike: -alike.weight)


@lru_cache(maxsize=100_000)
def _prints(code: str) -> frozenset[int]:
    return frozenset(fingerprints(normalise(code).tokens))
