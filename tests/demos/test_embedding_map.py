"""The embedding map: its film against training by hand, its recording, and what the browser computes."""

import numpy as np
import pytest
import torch

from lecture_lib.demos import embedding_map
from lecture_lib.fallbacks import neural_lm

VOCAB = ["stop", "cat", "dog", "runs", "sleeps", "<b>"]
KINDS = {"animals": ["cat", "dog"], "verbs": ["runs", "sleeps"], "marks": ["<b>"]}
OPTIONS = {"steps": 40, "moments": 5, "batch_size": 16, "lr": 0.05}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    text = [i for _ in range(60) for i in (int(rng.integers(1, 3)), int(rng.integers(3, 5)), 0)]
    return neural_lm.make_windows(torch.tensor(text), 2)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return neural_lm.AverageLM(len(VOCAB), 6, 2)


def test_the_first_moment_shows_the_vectors_as_they_were_before_training(model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    assert film.steps[0] == 0
    assert np.allclose(film.vectors[0], model.E.detach().numpy()[1:6])


def test_the_last_moment_shows_what_the_training_function_makes_of_them(model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, steps=30, moments=2, batch_size=16, lr=0.05, seed=3)
    losses = neural_lm.fit(model, data, 30, 16, 0.05, np.random.default_rng(3))
    assert film.steps == [0, 30]
    assert np.allclose(film.vectors[-1], model.E.detach().numpy()[1:6], atol=1e-5)
    assert film.losses[-1] == pytest.approx(np.mean(losses), abs=1e-5)


def test_the_model_that_is_given_stays_as_it_is(model, data):
    before = model.E.detach().clone()
    embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    assert torch.equal(model.E, before)


def test_the_places_are_a_projection_with_the_largest_spread(model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    last = film.vectors[-1] - film.vectors[-1].mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(last.T @ last)[::-1]
    assert np.allclose((film.places[-1] ** 2).sum(axis=0), eigenvalues[:2])
    assert film.share == pytest.approx(eigenvalues[:2].sum() / eigenvalues.sum())


def test_words_of_a_kind_end_up_nearest_to_each_other(model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, steps=200, moments=5, batch_size=32, lr=0.05)
    assert embedding_map.nearest(film, -1, 0, k=1) == [1]
    assert embedding_map.nearest(film, -1, 3, k=1) == [2]


def test_nearest_is_by_cosine_and_leaves_the_word_itself_out(model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    v = torch.tensor(film.vectors[2])
    cosines = torch.nn.functional.cosine_similarity(v, v[1:2])
    expected = [i for i in cosines.argsort(descending=True).tolist() if i != 1][:3]
    assert embedding_map.nearest(film, 2, 1, k=3) == expected


def test_words_that_the_model_does_not_know_are_named(model, data):
    with pytest.raises(ValueError, match="whale: not in the vocabulary"):
        embedding_map.compute(model, data, VOCAB, {"animals": ["cat", "dog", "whale"]})


def test_a_model_without_a_table_is_named(data):
    with pytest.raises(ValueError, match=r"the model's table E: seen none, expected \(6, d_emb\)"):
        embedding_map.compute(torch.nn.Linear(2, 2), data, VOCAB, KINDS)


def test_a_training_function_that_fails_is_reported_in_the_widget_s_place(model, data):
    def unwritten(*args):
        raise NotImplementedError

    widget = embedding_map.show(model, data, VOCAB, KINDS, fit=unwritten)
    assert "unwritten raises NotImplementedError" in widget.still


def test_the_widget_carries_every_moment_and_the_word_chosen(model, data):
    widget = embedding_map.show(model, data, VOCAB, KINDS, word="dog", **OPTIONS)
    film = embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    assert widget.state == {"word": "dog", "moment": 4}
    assert np.allclose(np.frombuffer(widget.given["vectors"], "<f4"), film.vectors.ravel())
    assert embedding_map.show(model, data, VOCAB, KINDS, word="whale", **OPTIONS).state["word"] is None


def test_in_the_recording_every_animal_is_among_animals_in_the_end_and_was_not_before():
    film = embedding_map.recorded()
    animals = [i for i, kind in enumerate(film.kind) if film.kinds[kind] in ("one animal", "animals")]

    def at_home(moment):
        kinds = [[film.kind[j] for j in embedding_map.nearest(film, moment, i, 3)] for i in animals]
        return np.mean([[kind == film.kind[i] for kind in row] for i, row in zip(animals, kinds)])

    assert at_home(-1) == 1.0
    assert at_home(0) < 0.5


def test_javascript_finds_the_same_neighbours_and_cosines(in_node, model, data):
    film = embedding_map.compute(model, data, VOCAB, KINDS, **OPTIONS)
    found = in_node("embedding_map", "cosines", film.vectors[2].ravel(), 6, 1)
    assert np.allclose(found, embedding_map.cosines(film, 2, 1))
    assert in_node("embedding_map", "nearest", found, 1, 3) == embedding_map.nearest(film, 2, 1, 3)


def test_in_the_browser_names_never_cover_one_another_nor_leave_the_picture(in_node):
    film = embedding_map.recorded()
    for xy in embedding_map.on_screen(film)[[0, 10, -1]]:
        found = in_node("embedding_map", "labels", film.words, xy, list(range(len(film.words))))
        boxes = [
            (x + dx - {"start": 0, "middle": width / 2, "end": width}[anchor], y + dy, width)
            for word, (x, y), place in zip(film.words, xy, found)
            if place
            for (dx, dy, anchor), width in [(place, 9.5 * len(word))]
        ]
        assert len(boxes) > len(film.words) / 2
        for i, (left, base, width) in enumerate(boxes):
            assert 0 <= left <= embedding_map.WIDTH - width
            for other, under, wide in boxes[:i]:
                assert left >= other + wide or other >= left + width or abs(base - under) >= 17
