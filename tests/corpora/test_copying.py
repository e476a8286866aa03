"""The intervention that tells copying by content, by place and by elimination apart."""

import pytest

from lecture_lib import corpora
from lecture_lib.corpora.copying import RULES, copied_by, question
from lecture_lib.corpora.corpus import words

TALE = words("They sang: do re mi fa so. Again they sang: so do re mi fa.")


def test_the_second_song_is_begun_at_the_third_note_of_the_first_and_three_rules_differ():
    prefix, answers = question(TALE)
    assert prefix == [*TALE[:13], "mi"]
    assert answers == {"content": "fa", "place": "re", "elimination": "do"}


def rule_of_copying(rule):
    def choose(prefix):
        first = prefix.index(":") + 1
        song = prefix[first : prefix.index(".", first)]
        sung = prefix[len(prefix) - 1 - prefix[::-1].index(":") + 1 :]
        if rule == "content":
            return song[song.index(sung[-1]) + 1]
        return song[len(sung)] if rule == "place" else next(note for note in song if note not in sung)

    return choose


@pytest.mark.parametrize("rule", RULES)
def test_whoever_follows_one_rule_is_found_to_follow_it_in_every_tale(rule):
    tales = corpora.load("narwhals", n_documents=60).tokens("train")
    assert copied_by(rule_of_copying(rule), tales) == {name: float(name == rule) for name in RULES}


def test_who_chooses_something_else_follows_none():
    tales = corpora.load("narwhals", n_documents=20).tokens("train")
    assert copied_by(lambda prefix: ".", tales) == dict.fromkeys(RULES, 0.0)


def test_the_grammar_itself_copies_by_content():
    corpus = corpora.load("narwhals", n_documents=40)
    found = copied_by(lambda prefix: max((d := corpus.next_distribution(prefix)), key=d.get), corpus.tokens("train"))
    assert found == {"content": 1.0, "place": 0.0, "elimination": 0.0}


def test_in_tales_by_place_no_song_begins_at_the_third_note():
    corpus = corpora.load("narwhals", n_documents=10, copying="place")
    with pytest.raises(ValueError, match="this grammar writes"):
        corpus.next_distribution(question(corpus.tokens("train")[0]).prefix)


def test_a_tale_without_a_second_song_is_refused():
    with pytest.raises(ValueError, match="the tale sings 1 times"):
        question(TALE[:9])


def test_a_song_too_short_for_the_rules_to_differ_is_refused():
    with pytest.raises(ValueError, match="the song has 3 notes"):
        question(words("They sang: do re mi. Again they sang: mi do re."))
