import numpy as np
import pytest

from lecture_lib.tokenizers import ByteBPE, CharTokenizer, WordTokenizer
from lecture_lib.train import InputError, TrainConfig
from lecture_lib.train.data import load_data
from lecture_lib.train.workers import Workers

TEXT = "\n\n".join(f"The whale number {n} swam past the reef, and {n + 1} crabs waved." for n in range(40))


@pytest.fixture
def text_config(tmp_path) -> TrainConfig:
    (tmp_path / "tales.txt").write_text(TEXT)
    return TrainConfig(corpus=str(tmp_path / "tales.txt"), block_size=16, vocab_size=300)


@pytest.mark.parametrize(
    ("name", "kind"), [("auto", ByteBPE), ("bpe", ByteBPE), ("word", WordTokenizer), ("char", CharTokenizer)]
)
def test_each_tokenizer_encodes_a_text_file_of_the_users(text_config, tmp_path, name, kind):
    data = load_data(text_config.changed(tokenizer=name), tmp_path)
    assert isinstance(data.tokenizer, kind)
    assert data.tokenizer.decode(data.train.document(0)) == TEXT.split("\n\n")[0]
    assert data.floor is None


def test_a_vocabulary_too_small_for_its_tokenizer_is_refused(text_config, tmp_path):
    with pytest.raises(InputError, match=r"the tokenizer can't be trained: .*vocab_size"):
        load_data(text_config.changed(vocab_size=3), tmp_path)


def test_another_process_maps_the_files_of_the_first(text_config, tmp_path):
    class Line(Workers):
        """What the first process broadcasts, the second gets."""

        def broadcast(self, value):
            if value is not None:
                said.append(value)
            return said[-1]

    said = []
    first = load_data(text_config, tmp_path, Line(0, 2))
    second = load_data(text_config, tmp_path, Line(1, 2))
    assert second.checksum == first.checksum
    assert np.array_equal(second.heldout.ids, first.heldout.ids)
    assert second.tokenizer.encode("whale") == first.tokenizer.encode("whale")


def test_the_checksum_changes_with_any_token(text_config, tmp_path):
    before = load_data(text_config, tmp_path).checksum
    changed = tmp_path / "tales.txt"
    changed.write_text(TEXT.replace("number 7 swam", "number 8 swam"))
    assert load_data(text_config, tmp_path).checksum != before
    changed.write_text(TEXT)
    assert load_data(text_config, tmp_path).checksum == before
