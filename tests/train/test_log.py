import numpy as np
import pytest

from lecture_lib.train import InputError, read_log
from lecture_lib.train.log import Log, Row
from lecture_lib.train.plot import draw, running_mean, save_plot
from lecture_lib.train.progress import Bar, evaluation_line

ROWS = [
    Row(step, 10 * step, 0.1, 2.0 / 3 / step, 1.5, 0.3 if step == 2 else None, 0.1 * step, 99.5) for step in (1, 2, 3)
]


def written(folder, rows, keep=0):
    log = Log(folder, keep)
    for row in rows:
        log.write(row)
    log.close()


def test_what_is_written_is_read_back_to_the_last_digit(tmp_path):
    written(tmp_path, ROWS)
    assert read_log(tmp_path) == ROWS


def test_a_resumed_log_drops_the_rows_after_the_checkpoint(tmp_path):
    written(tmp_path, ROWS)
    written(tmp_path, ROWS[2:], keep=2)
    assert read_log(tmp_path) == ROWS


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path):
    written(tmp_path, ROWS)
    path = tmp_path / "log.csv"
    path.write_text(path.read_text()[:-4])
    assert read_log(tmp_path) == ROWS[:2]


def test_a_folder_without_a_log_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no log .*log.csv; give the folder of a run"):
        read_log(tmp_path)


def test_a_file_that_is_no_log_is_named(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"log.csv can't be read as the log of a run"):
        read_log(tmp_path)


def test_the_plot_shows_training_held_out_and_floor():
    lines = {line.get_label(): line for line in draw(ROWS, floor=0.25).axes[0].lines}
    assert list(lines["train"].get_xdata()) == [1, 2, 3]
    assert list(lines["held-out"].get_ydata()) == [0.3]
    assert set(lines["floor 0.250"].get_ydata()) == {0.25}


def test_the_plot_is_saved_as_a_picture(tmp_path):
    assert save_plot(ROWS, tmp_path).read_bytes().startswith(b"\x89PNG")


def test_the_running_mean_of_equal_values_is_that_value():
    assert running_mean(np.full(5, 3.0)) == pytest.approx(np.full(5, 3.0))


def test_an_evaluation_is_one_line_with_the_distance_to_the_floor(capsys):
    with Bar(10, floor=0.25) as bar:
        for row in ROWS:
            bar.show(row)
    expected = (
        "step 2 of 10: held-out 0.300 nats per token (perplexity 1.35), 0.050 above the floor 0.250; 100 tokens/s"
    )
    assert capsys.readouterr().out.strip() == expected == evaluation_line(ROWS[1], 10, 0.25)


def test_without_a_floor_the_line_names_none():
    assert "floor" not in evaluation_line(ROWS[1], 10, None)
