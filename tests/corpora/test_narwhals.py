"""The tales, and the exactness of their probabilities: brute force, sampling, and sums."""

import math
from collections import defaultdict
from dataclasses import replace

import pytest

from lecture_lib import corpora
from lecture_lib.corpora.corpus import words
from lecture_lib.corpora.grammar import END, draws, expectation
from lecture_lib.corpora.narwhals import (
    ECHOES,
    KINDS,
    Lexicon,
    Memory,
    NarwhalCorpus,
    aside,
    beginning,
    clause,
    echo,
    introduction,
    storm,
)

SMALL = Lexicon(
    names=("Pip", "Momo"),
    colours=("red", "blue"),
    species=(("crab", "crabs"), ("seal", "seals")),
    places=("reef",),
    notes=("do", "re"),
    gifts=("pearl",),
    doing=(("sings", "sing"),),
    liking=(("likes", "like"),),
    manners=("softly",),
    weathers=("wind",),
    skies=("cold",),
    moves=("rose",),
    brackets=(("(", ")"),),
    habits=(1.0,),
    cast=2,
    leading=1,
    song_length=2,
    echoes=1,
    nested_clauses=2,
    deepest=1,
)


@pytest.fixture(scope="module")
def corpus():
    return corpora.load("narwhals", n_documents=2000, seed=0)


MIDDLE = replace(
    SMALL,
    names=("Pip", "Momo", "Lulu"),
    notes=("do", "re", "mi"),
    doing=(("sings", "sing"), ("dives", "dive"), ("plays", "play")),
    liking=(("likes", "like"), ("knows", "know")),
    manners=("softly", "slowly"),
    weathers=("wind", "rain"),
    skies=("cold", "old"),
    brackets=(("(", ")"), ("[", "]")),
    habits=(0.7, 0.3),
    song_length=3,
    nested_clauses=3,
    deepest=2,
)


def everything(write):
    """Brute force: every text there is, as its probability, nats by kind, tokens by kind, and tokens."""
    unwalked = [()]
    while unwalked:
        path = unwalked.pop()
        steps = draws(write())
        draw, text, log_prob = next(steps), [], 0.0
        nats, counts = defaultdict(float), defaultdict(int)
        for position in range(10_000):
            if position == len(path):
                unwalked += [(*path, other) for other in range(1, len(draw.words))]
                path = (*path, 0)
            choice = path[position]
            text.append(draw.words[choice])
            log_prob += math.log(draw.probs[choice])
            nats[draw.kind] -= math.log(draw.probs[choice])
            counts[draw.kind] += 1
            if text[-1] == END:
                break
            draw = steps.send(text[-1])
        yield math.exp(log_prob), nats, counts, text


SMALL_BY_PLACE = replace(SMALL, notes=("do",), song_length=1, leading=0, turned=False)  # 25,000 tales, not 200,000


@pytest.fixture(
    scope="module",
    params=[pytest.param(SMALL, id="content", marks=pytest.mark.slow), pytest.param(SMALL_BY_PLACE, id="place")],
)
def small(request):
    corpus = NarwhalCorpus(2000, lexicon=request.param)
    return corpus, list(everything(corpus.writer))


def test_the_probabilities_of_all_tales_of_a_small_grammar_sum_to_one(small):
    _corpus, tales = small
    assert math.fsum(prob for prob, *_rest in tales) == pytest.approx(1, abs=1e-12)


def test_no_two_sequences_of_choices_write_the_same_tale(small):
    _corpus, tales = small
    assert len({" ".join(text) for *_rest, text in tales}) == len(tales)


def test_the_entropy_equals_brute_force_over_all_tales(small):
    corpus, tales = small
    nats = math.fsum(prob * sum(nats.values()) for prob, nats, _counts, _text in tales)
    tokens = math.fsum(prob * len(text) for prob, _nats, _counts, text in tales)
    assert corpus.entropy() == pytest.approx(nats / tokens, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_expected_tokens_and_nats_of_each_kind_equal_brute_force(small, kind):
    corpus, tales = small
    expected = corpus.expected()
    assert expected.nats[kind] == pytest.approx(math.fsum(p * nats[kind] for p, nats, _c, _t in tales), abs=1e-12)
    assert expected.tokens[kind] == pytest.approx(math.fsum(p * c[kind] for p, _n, c, _t in tales), rel=1e-12)


def song_and_echo(memory):
    yield from introduction(memory)
    yield from echo(memory)


@pytest.mark.parametrize("write", [beginning, introduction, song_and_echo, clause, aside, storm])
def test_the_expected_nats_of_a_scene_of_a_larger_grammar_equal_brute_force(write):
    texts = list(everything(lambda: write(Memory(MIDDLE))))
    expected = expectation(write, Memory(MIDDLE))
    nats = math.fsum(prob * sum(nats.values()) for prob, nats, _counts, _text in texts)
    tokens = math.fsum(prob * (len(text) - 1) for prob, _nats, _counts, text in texts)
    assert sum(expected.nats.values()) == pytest.approx(nats, rel=1e-12)
    assert sum(expected.tokens.values()) == pytest.approx(tokens, rel=1e-12)


def test_the_same_seed_writes_the_same_tales_and_another_seed_others():
    first, again, other = (NarwhalCorpus(20, seed).documents("train") for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_more_tales_begin_with_the_same_tales():
    assert NarwhalCorpus(40).tokens("train")[:18] == NarwhalCorpus(20).tokens("train")


def test_held_out_tales_are_not_in_training(corpus):
    assert not set(corpus.documents("train")) & set(corpus.documents("heldout"))


def test_the_readable_text_comes_apart_into_the_same_tokens(corpus):
    assert [words(document) for document in corpus.documents("heldout")] == corpus.tokens("heldout")


def test_next_token_distributions_sum_to_one_along_every_prefix(corpus):
    for tokens in corpus.tokens("heldout")[:20]:
        for end in range(len(tokens) + 1):
            assert math.fsum(corpus.next_distribution(tokens[:end]).values()) == pytest.approx(1, abs=1e-12)


def test_the_score_of_a_tale_is_the_product_of_its_next_token_distributions(corpus):
    tokens = corpus.tokens("heldout")[0]
    by_prefix = [corpus.next_distribution(tokens[:i])[token] for i, token in enumerate([*tokens, END])]
    assert by_prefix == [scored.prob for scored in corpus.score(tokens)]


def test_the_floor_of_sampled_tales_is_near_the_entropy(corpus):
    """Five standard errors of the mean over 1,800 tales."""
    nats = [sum(-math.log(s.prob) for s in corpus.score(tokens)) for tokens in corpus.tokens("train")]
    lengths = [len(tokens) + 1 for tokens in corpus.tokens("train")]
    entropy = corpus.entropy()
    excess = [n - entropy * length for n, length in zip(nats, lengths)]
    mean = sum(excess) / len(excess)
    spread = math.sqrt(sum((e - mean) ** 2 for e in excess) / len(excess))
    assert abs(mean) < 5 * spread / math.sqrt(len(excess))


def test_the_floor_is_the_mean_cost_over_all_tokens_and_splits_it_by_kind(corpus):
    tokens = corpus.tokens("heldout")[:5]
    floor = corpus.floor(tokens)
    scored = [token for tale in tokens for token in corpus.score(tale)]
    assert floor.nats == pytest.approx(sum(-math.log(token.prob) for token in scored) / len(scored), rel=1e-12)
    split = sum(floor.by_kind[kind] * count for kind, count in floor.tokens_by_kind.items())
    assert split == pytest.approx(floor.nats * len(scored), rel=1e-12)
    assert floor.perplexity == pytest.approx(math.exp(floor.nats))


def test_the_floor_of_one_tale_needs_no_list_around_it(corpus):
    tokens = corpus.tokens("heldout")[0]
    assert corpus.floor(tokens) == corpus.floor([tokens])


def test_every_kind_of_long_range_token_stands_in_every_tale(corpus):
    for tokens in corpus.tokens("heldout"):
        assert {token.kind for token in corpus.score(tokens)} == set(KINDS)


def test_what_was_said_before_leaves_no_choice_later(corpus):
    """The song, the colour and species of whoever is named, and the owner of the gift."""
    for tokens in corpus.tokens("heldout")[:50]:
        scored = corpus.score(tokens)
        assert all(token.prob == 1 for token in scored if token.kind == "copy")
        recalled = [token for token in scored if token.kind == "recall"]
        named = [token.prob == 1 for token in recalled if token.token not in corpus.lexicon.notes]
        assert named == [*[False, True, True] * 2, False, True, True]
        begun = [token.prob for token in recalled if token.token in corpus.lexicon.notes]
        assert begun == [pytest.approx(1 / 6)] * 3


def songs(tokens):
    """Every song of a tale."""
    begins = [place + 1 for place, token in enumerate(tokens) if token == ":"]
    return [tokens[begin : tokens.index(".", begin)] for begin in begins]


def test_a_song_is_sung_again_three_times_each_time_from_any_note_and_round(corpus):
    begun = defaultdict(int)
    for tokens in corpus.tokens("train"):
        song, *echoes = songs(tokens)
        assert len(song) == len(set(song)) == 6
        assert len(echoes) == len(ECHOES) == 3
        for again in echoes:
            begins = song.index(again[0])
            assert again == song[begins:] + song[:begins]
            begun[begins] += 1
    assert is_fair(begun.values())


def test_before_the_animals_come_there_are_up_to_six_sentences_any_number_equally_likely(corpus):
    counts = [tokens[: tokens.index("There")].count(".") for tokens in corpus.tokens("train")]
    assert set(counts) == set(range(7))
    assert is_fair([counts.count(number) for number in range(7)])


def test_with_copying_by_place_every_song_begins_alike_and_the_first_at_the_same_place():
    for tokens in corpora.load("narwhals", n_documents=50, copying="place").tokens("train"):
        song, echo = songs(tokens)
        assert song == echo
        assert len(song) == 4
        assert tokens.index(":") == 20


def test_the_two_kinds_of_tales_have_the_floors_that_the_readme_states():
    floors = {copying: corpora.load("narwhals", copying=copying).entropy() for copying in corpora.COPYING}
    assert floors == {"content": pytest.approx(0.5763, abs=5e-5), "place": pytest.approx(0.5996, abs=5e-5)}


def test_copying_is_a_choice_of_narwhals_alone_and_one_of_two():
    with pytest.raises(ValueError, match="copying is 'sound'; choose one of content, place"):
        corpora.load("narwhals", copying="sound")
    with pytest.raises(ValueError, match="'python_docs' has no songs"):
        corpora.load("python_docs", copying="place")


@pytest.mark.parametrize("impossible", [{"echoes": 4}, {"echoes": -1}, {"song_length": 9}, {"leading": -1}])
def test_a_lexicon_that_no_tale_can_follow_is_refused(impossible):
    with pytest.raises(ValueError, match=f"{next(iter(impossible))} is {next(iter(impossible.values()))}; "):
        Lexicon(**impossible)


def is_fair(counts):
    """By chi-squared at its 0.1 % point, whether these can be counts of equally likely things."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts) < CHI_SQUARED[len(counts) - 1]


CHI_SQUARED = {5: 20.5, 6: 22.5}  # 0.1 % points, by degrees of freedom


def test_sampled_continuations_follow_the_next_token_distribution(corpus):
    """Frequencies of the scene openers after the introduction against their probabilities, by chi-squared."""
    seen = defaultdict(int)
    for tokens in corpus.tokens("train"):
        seen[tokens[end_of_introduction(tokens)]] += 1
    tokens = corpus.tokens("train")[0]
    exact = corpus.next_distribution(tokens[: end_of_introduction(tokens)])
    assert set(seen) == set(exact) == {"Once", "The", "Far", *ECHOES}
    assert len(set(exact.values())) == 1
    assert is_fair(seen.values())


def end_of_introduction(tokens):
    return tokens.index(".", tokens.index(":")) + 1


def test_a_tale_the_grammar_cannot_write_is_refused_with_the_token_and_what_may_stand_there(corpus):
    tokens = list(corpus.tokens("heldout")[0])
    place = tokens.index("There") + 2
    tokens[place] = "a"
    with pytest.raises(ValueError, match=rf"token {place} is 'a'; after '.*There \w+' this grammar writes the$"):
        corpus.score(tokens)


def test_an_unfinished_tale_has_no_score(corpus):
    with pytest.raises(ValueError, match="token 5 is '<eos>'"):
        corpus.score(corpus.tokens("heldout")[0][:5])


def test_nothing_follows_the_end_of_a_tale(corpus):
    with pytest.raises(ValueError, match="the text is over"):
        corpus.next_distribution([*corpus.tokens("heldout")[0], END])


# -------------------------------------------------------------------- mistakes


def test_no_tale_of_the_grammar_has_a_mistake(corpus):
    assert [corpus.first_mistake(tokens) for tokens in corpus.tokens("heldout")] == [None] * len(
        corpus.tokens("heldout")
    )


def test_a_word_is_a_mistake_exactly_where_the_grammar_gives_it_no_probability(corpus):
    tokens = corpus.tokens("heldout")[0]
    types = sorted({word for other in corpus.tokens("heldout") for word in other})
    for place in range(0, len(tokens), 3):
        possible = corpus.next_distribution(tokens[:place])
        for word in types:
            found = corpus.first_mistake([*tokens[:place], word])
            assert (found == place) == (word not in possible), (place, word)


@pytest.mark.parametrize("kind", ["agreement", "recall", "copy", "bracket"])
def test_a_word_of_each_kind_that_is_replaced_by_another_of_its_kind_is_a_mistake(corpus, kind):
    tokens = corpus.tokens("heldout")[1]
    scored = corpus.score(tokens)
    own = {entry.token for entry in scored if entry.kind == kind}
    changed = 0
    for place, entry in enumerate(scored):
        impossible = own - set(corpus.next_distribution(tokens[:place]))
        for word in sorted(impossible) if entry.kind == kind else ():
            assert corpus.first_mistake([*tokens[:place], word, *tokens[place + 1 :]]) == place
            changed += 1
    assert changed


def test_a_tale_that_stops_too_early_or_too_late_has_its_mistake_at_the_end(corpus):
    tokens = corpus.tokens("heldout")[2]
    for length in (0, 1, len(tokens) // 2, len(tokens) - 1):
        assert corpus.first_mistake(tokens[:length]) == length
    assert corpus.first_mistake([*tokens, "There"]) == corpus.first_mistake([*tokens, END]) == len(tokens)
    assert corpus.first_mistake([*tokens[:4], END, *tokens[4:]]) == 4
