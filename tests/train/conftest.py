import pytest


@pytest.fixture(autouse=True)
def one_thread():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def tiny():
    from tiny_runs import TINY

    return TINY


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    from tiny_runs import TINY

    from lecture_lib.train.data import load_data

    return load_data(TINY, tmp_path_factory.mktemp("data"))
