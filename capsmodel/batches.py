"""Arrays a batch at a time, as Keras's `fit`, `evaluate` and `predict` take them."""

import math

import keras


def batched(array, batch_size):
    """The rows of an array in their order; the last batch may be smaller.

    In place of the bare array. Over that, TensorFlow tunes how it reads, and the end of an epoch waits,
    more often than not, until the tuner next wakes: it sleeps 0.01 s, 0.02 s, 0.04 s and so on up to a
    minute. benchmarks/epoch_end.py measures it.

    Args:
        array: (rows, …), at least one row.
        batch_size: rows.

    Returns:
        A tf.data.Dataset under TensorFlow, a keras.utils.PyDataset under other backends.
    """
    if keras.backend.backend() != "tensorflow":
        return _Batches(array, batch_size)
    import tensorflow as tf  # it would take hold of a GPU that another backend trains on

    return untuned(tf.data.Dataset.from_tensor_slices(array).batch(batch_size))


def untuned(dataset):
    """A tf.data.Dataset that TensorFlow does not tune."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class _Batches(keras.utils.PyDataset):
    def __init__(self, array, batch_size):
        super().__init__()
        self.array = array
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.array) / self.batch_size)

    def __getitem__(self, index):
        return self.array[index * self.batch_size : (index + 1) * self.batch_size]
