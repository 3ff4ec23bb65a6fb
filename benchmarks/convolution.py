"""Measure the speed of three forms of the second convolution, 9×9 with stride 2, in training.

    python -m benchmarks.convolution

The forms compute the same result. They are measured alternately in one process, in float32 and in bfloat16,
with the forward pass and both gradients. The output also shows the time of three matrix products of the size
of the convolution, which every form requires.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import KerasTensor, ops

from benchmarks.training_step import STEPS, alternate, make_product
from capsmodel.network.im2col import im2col_convolution
from capsmodel.training.batches import batched

BATCH_SIZE = 100
FILTERS, SIDE, KERNEL = 256, 20, 9
NUM_ROUNDS = 2


def strided(features: KerasTensor, kernel: KerasTensor) -> KerasTensor:
    """Convolve with the strided convolution of the backend."""
    return ops.conv(features, kernel, strides=2, padding="valid")


def space_to_depth(features: KerasTensor, kernel: KerasTensor) -> KerasTensor:
    """Convolve after converting blocks of 2×2 pixels to channels.

    The kernel is converted to a 5×5 kernel with stride 1, after a row and a column of zeros are added to it.
    """
    blocks = ops.reshape(features, (-1, SIDE // 2, 2, SIDE // 2, 2, FILTERS))
    blocks = ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, SIDE // 2, SIDE // 2, 4 * FILTERS))
    kernel = ops.reshape(ops.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))), (5, 2, 5, 2, FILTERS, FILTERS))
    kernel = ops.reshape(ops.transpose(kernel, (0, 2, 1, 3, 4, 5)), (5, 5, 4 * FILTERS, FILTERS))
    return ops.conv(blocks, kernel, strides=1, padding="valid")


def im2col(features: KerasTensor, kernel: KerasTensor) -> KerasTensor:
    """Convolve as one matrix product over patches."""
    return im2col_convolution(features, kernel, (2, 2))


FORMS = (strided, space_to_depth, im2col)


class ConvolutionModel(keras.Model):
    """A model whose loss is the mean squared output of a convolution, and whose weights are both operands.

    Args:
        form: One of FORMS.
        dtype: The dtype of the convolution.
    """

    def __init__(self, form: Callable[[KerasTensor, KerasTensor], KerasTensor], dtype: str) -> None:
        super().__init__()
        self.form = form
        self.convolution_dtype = dtype
        self.features = self.add_weight(shape=(BATCH_SIZE, SIDE, SIDE, FILTERS), initializer="random_normal")
        self.kernel = self.add_weight(shape=(KERNEL, KERNEL, FILTERS, FILTERS), initializer="random_normal")

    def call(self, unused: KerasTensor) -> KerasTensor:
        features, kernel = (
            ops.cast(weight, self.convolution_dtype) for weight in (self.features, self.kernel)
        )
        return ops.mean(ops.square(ops.cast(self.form(features, kernel), "float32")))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred


def make_steps(form: Callable[[KerasTensor, KerasTensor], KerasTensor], dtype: str) -> Callable[[], None]:
    """Return a function without arguments that runs STEPS training steps of a form.

    Args:
        form: One of FORMS.
        dtype: The dtype of the convolution.
    """
    model = ConvolutionModel(form, dtype)
    model.compile(keras.optimizers.SGD(0.0))
    return lambda: model.fit(batched(np.zeros((STEPS, 1)), 1), shuffle=False, verbose=0)


def main() -> None:
    for dtype in ("float32", "bfloat16"):
        functions = {form.__name__: make_steps(form, dtype) for form in FORMS}
        functions["matrix product"] = make_product(dtype, BATCH_SIZE)
        for name, step_time in alternate(functions, NUM_ROUNDS).items():
            factor = 3 if name == "matrix product" else 1
            shown = "three products" if name == "matrix product" else name.replace("_", " ")
            wall_s, core_s = factor * step_time.wall_s, factor * step_time.core_s
            print(f"{dtype:9} {shown:16} {wall_s:6.3f} s, {core_s:6.3f} core s")


if __name__ == "__main__":
    main()
