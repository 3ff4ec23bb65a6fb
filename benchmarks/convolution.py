"""Which form of the second convolution, 9×9 with stride 2, trains fastest here.

    python benchmarks/convolution.py

Forward pass and both gradients of three forms that compute the same, in float32 and in bfloat16, taking turns
in one process; beside them the three matrix products of its size that no form can do without.
"""

import keras
import numpy as np
from keras import ops
from training_step import STEPS, alternate, make_product

from capsmodel.batches import batched
from capsmodel.convolution import convolve_by_product

BATCH_SIZE = 100
FILTERS, SIDE, KERNEL = 256, 20, 9


def as_it_stands(features, kernel):
    return ops.conv(features, kernel, strides=2, padding="valid")


def space_to_depth(features, kernel):
    """Blocks of 2×2 pixels become channels: a 5×5 kernel, one row and column of it zero, with stride 1."""
    blocks = ops.reshape(features, (-1, SIDE // 2, 2, SIDE // 2, 2, FILTERS))
    blocks = ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, SIDE // 2, SIDE // 2, 4 * FILTERS))
    kernel = ops.reshape(ops.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))), (5, 2, 5, 2, FILTERS, FILTERS))
    kernel = ops.reshape(ops.transpose(kernel, (0, 2, 1, 3, 4, 5)), (5, 5, 4 * FILTERS, FILTERS))
    return ops.conv(blocks, kernel, strides=1, padding="valid")


def patches(features, kernel):
    return convolve_by_product(features, kernel, (2, 2))


class Convolved(keras.Model):
    """Trains features and kernel to nothing, by one form of the convolution."""

    def __init__(self, form, dtype):
        super().__init__()
        self.form = form
        self.number_format = dtype
        self.features = self.add_weight(shape=(BATCH_SIZE, SIDE, SIDE, FILTERS), initializer="random_normal")
        self.kernel = self.add_weight(shape=(KERNEL, KERNEL, FILTERS, FILTERS), initializer="random_normal")

    def call(self, unused):
        features, kernel = (ops.cast(weight, self.number_format) for weight in (self.features, self.kernel))
        return ops.mean(ops.square(ops.cast(self.form(features, kernel), "float32")))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred


def make_turn(form, dtype):
    """A function that takes STEPS training steps."""
    model = Convolved(form, dtype)
    model.compile(keras.optimizers.SGD(0.0))
    return lambda: model.fit(batched(np.zeros((STEPS, 1)), 1), shuffle=False, verbose=0)


def main() -> None:
    for dtype in ("float32", "bfloat16"):
        turns = {form.__name__: make_turn(form, dtype) for form in (as_it_stands, space_to_depth, patches)}
        turns["matrix product"] = make_product(dtype, BATCH_SIZE)
        for name, seconds in alternate(turns, number=2).items():
            share = 3 if name == "matrix product" else 1
            shown = "three products" if name == "matrix product" else name.replace("_", " ")
            print(f"{dtype:9} {shown:16} {share * seconds.wall:6.3f} s, {share * seconds.cores:6.3f} core s")


if __name__ == "__main__":
    main()
