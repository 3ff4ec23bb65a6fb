import keras
import numpy as np
import pytest
from keras import layers, models, ops

from capsmodel.training.batches import batched


@pytest.mark.parametrize(
    ("rows", "batch_size", "sizes"), [(1, 4, [1]), (4, 4, [4]), (7, 3, [3, 3, 1]), (9, 2, [2, 2, 2, 2, 1])]
)
def test_batched_yields_each_row_once_in_order(rows, batch_size, sizes):
    array = np.arange(rows * 6, dtype="float32").reshape(rows, 2, 3)
    images = layers.Input((2, 3))
    size = layers.Lambda(lambda batch: ops.zeros_like(batch) + ops.cast(ops.shape(batch)[0], "float32"))
    model = models.Model(images, [layers.Identity()(images), size(images)])
    seen, sizes_seen = model.predict(batched(array, batch_size), verbose=0)
    np.testing.assert_array_equal(seen, array)
    np.testing.assert_array_equal(sizes_seen[:, 0, 0], np.repeat(sizes, sizes))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow tunes how it reads data")
def test_tensorflow_tuning_is_disabled():
    assert batched(np.zeros((2, 1)), 1).options().autotune.enabled is False
