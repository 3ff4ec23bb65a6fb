import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsmodel.data import split_validation, stratified_order
from capsmodel.errors import DataError


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60).map(np.array),
    seed=st.integers(0, 2**32),
)
def test_stratified_order_keeps_class_proportions_in_every_prefix(labels, seed):
    order = stratified_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        found = np.cumsum(labels[order] == label)
        expected = np.arange(1, len(labels) + 1) * count / len(labels)
        assert np.abs(found - expected).max() <= 4  # half an image for each class, plus rounding


def test_split_is_seeded_stratified_and_complete():
    labels = np.repeat(np.arange(10), 50)
    training, validation = split_validation(labels, 0.1, seed=3)
    assert sorted((*training, *validation)) == list(range(500))
    assert list(np.bincount(labels[validation])) == [5] * 10
    np.testing.assert_array_equal(validation, split_validation(labels, 0.1, seed=3)[1])
    assert not np.array_equal(validation, split_validation(labels, 0.1, seed=4)[1])


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_split_with_empty_part_is_rejected(fraction):
    with pytest.raises(DataError, match=f"fraction of {fraction} of 10 training images gives"):
        split_validation(np.arange(10), fraction, seed=0)
