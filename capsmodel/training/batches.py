"""Split arrays into batches for the methods `fit`, `evaluate` and `predict` of Keras."""

import math
from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


def batched(array: np.ndarray, batch_size: int) -> "tf.data.Dataset | keras.utils.PyDataset":
    """Split an array into batches of consecutive rows; the last batch may be smaller.

    Pass the result to Keras instead of the bare array. TensorFlow tunes how it reads a bare array in a
    thread that sleeps for 0.01 s, 0.02 s, 0.04 s and so on, up to a minute, and the end of an epoch
    usually waits until this thread wakes up. benchmarks/epoch_end.py measures the wait.

    Args:
        array: (num_rows, ...), with at least one row.
        batch_size: The number of rows in a batch.

    Returns:
        A tf.data.Dataset under TensorFlow, a keras.utils.PyDataset under other backends.
    """
    if keras.backend.backend() != "tensorflow":
        return _Batches(array, batch_size)
    import tensorflow as tf  # imported here so that it does not occupy a GPU that another backend uses

    return untuned(tf.data.Dataset.from_tensor_slices(array).batch(batch_size))


def untuned(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Return the data set with TensorFlow's tuning disabled."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class _Batches(keras.utils.PyDataset):
    """Yield batches of consecutive rows of an array."""

    def __init__(self, array: np.ndarray, batch_size: int) -> None:
        super().__init__()
        self.array = array
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.array) / self.batch_size)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.array[index * self.batch_size : (index + 1) * self.batch_size]
