"""The worked examples in docstrings are run, so that they stay true."""

import doctest
import importlib

import pytest
import torch

MODULES = [
    "decoding.filters",
    "models.config",
    "inference.documents",
    "models.interchange",
    "models.ngram",
    "models.transformer",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_are_true(name):
    module = importlib.import_module(f"lecture_lib.{name}")
    result = doctest.testmod(module, extraglobs={"torch": torch})
    assert result.attempted > 0
    assert result.failed == 0
