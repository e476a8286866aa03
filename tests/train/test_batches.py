from itertools import chain

import numpy as np
import pytest

from lecture_lib.corpora.dataset import Dataset
from lecture_lib.train import Batches, InputError
from lecture_lib.train.batches import fits, n_targets

EOS = 9


def dataset(*documents: list[int]) -> Dataset:
    """Documents that each end with EOS."""
    ended = [[*document, EOS] for document in documents]
    starts = np.cumsum([0, *map(len, ended)])
    return Dataset(np.array(list(chain(*ended)), dtype=np.uint16), starts, 10)


FOUR = dataset([1, 2, 3], [4], [5, 6], [7, 8, 1, 2])


def test_a_row_is_a_document_that_is_predicted_whole_from_the_end_of_the_one_before():
    inputs, targets = Batches(FOUR, 8, EOS).collate(np.array([[0, 4], [4, 6]]))
    assert inputs.tolist() == [[EOS, 1, 2, 3], [EOS, 4, EOS, EOS]]
    assert targets.tolist() == [[1, 2, 3, EOS], [4, EOS, -100, -100]]


def test_every_document_is_read_once_an_epoch_in_another_order_each_time():
    many = dataset(*([number] for number in range(8)))
    batches = Batches(many, 8, EOS)
    epochs = [np.concatenate([batches.spans(step, 4)[:, 0] for step in (2 * e, 2 * e + 1)]).tolist() for e in range(3)]
    assert all(sorted(epoch) == list(range(0, 16, 2)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_a_batch_may_reach_into_the_next_epoch():
    spans = Batches(FOUR, 8, EOS).spans(1, 3)
    assert len(spans) == 3
    assert n_targets(spans) == np.diff(spans).sum()


@pytest.mark.parametrize("block_size", [8, 3])
def test_rows_depend_on_seed_and_step_alone(block_size):
    ahead, straight = Batches(FOUR, block_size, EOS, seed=1), Batches(FOUR, block_size, EOS, seed=1)
    ahead.spans(40, 3)
    assert all(np.array_equal(ahead.spans(step, 3), straight.spans(step, 3)) for step in (5, 0, 5))
    other = Batches(FOUR, block_size, EOS, seed=2)
    assert any(not np.array_equal(other.spans(step, 3), straight.spans(step, 3)) for step in range(5))


def test_documents_longer_than_a_block_make_rows_windows_of_the_flat_text():
    batches = Batches(FOUR, 3, EOS)
    assert not batches.whole
    text = FOUR.ids.tolist()
    windows = {tuple(text[i : i + 4]) for i in range(len(text) - 3)}
    seen = set()
    for step in range(100):
        inputs, targets = batches.collate(batches.spans(step, 4))
        assert (inputs[:, 1:] == targets[:, :-1]).all()
        seen |= {(*row, last) for row, last in zip(map(tuple, inputs.tolist()), targets[:, -1].tolist())}
    assert seen == windows


def test_evaluation_windows_predict_each_token_at_most_once():
    spans = Batches(FOUR, 3, EOS).first_rows(100)
    predicted = [place for start, stop in spans for place in range(start, stop)]
    assert predicted == list(range(1, 13))


def test_a_given_width_pads_to_one_shape():
    batches = Batches(FOUR, 8, EOS)
    inputs, targets = batches.collate(np.array([[4, 6]]), batches.longest)
    assert inputs.shape == targets.shape == (1, 5)
    assert targets.tolist() == [[4, EOS, -100, -100, -100]]


def test_a_document_that_is_empty_is_no_row():
    assert not fits(Dataset(np.array([1, 2]), np.array([0, 2, 2]), 10), 8)


def test_a_text_shorter_than_a_window_is_refused():
    with pytest.raises(InputError, match="a split of 14 tokens holds no window of block_size 14"):
        Batches(FOUR, 14, EOS, whole=False)
