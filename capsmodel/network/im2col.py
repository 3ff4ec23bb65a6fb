"""A strided convolution that is computed as one matrix product (im2col) where that is faster."""

import functools

import keras
import numpy as np
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable(package="capsmodel")
class StridedConvolution(keras.layers.Conv2D):
    """A Conv2D without padding, with channels last, that uses im2col where im2col is faster.

    On a CPU, the gradients of a strided convolution are slower than im2col under TensorFlow and take
    minutes per step under JAX; benchmarks/convolution.py measures both forms. On GPUs and under PyTorch,
    strided convolutions are fast.
    """

    def convolution_op(self, inputs: KerasTensor, kernel: KerasTensor) -> KerasTensor:
        """Convolve the inputs with the kernel; see `keras.layers.Conv2D`."""
        if _im2col_is_faster():
            return im2col_convolution(inputs, kernel, self.strides)
        return super().convolution_op(inputs, kernel)


def im2col_convolution(images: KerasTensor, kernel: KerasTensor, strides: tuple[int, int]) -> KerasTensor:
    """Convolve images without padding as one matrix product of all patches and the kernel.

    The patches are extracted by matrix products with selection matrices of zeros and ones, first along the
    columns and then along the rows. The gradient is therefore also computed by matrix products, not by
    scattered additions.

    Args:
        images: (batch, height, width, channels).
        kernel: (kernel_height, kernel_width, channels, filters).
        strides: The vertical and the horizontal stride, in pixels.

    Returns:
        (batch, rows, columns, filters), with the dtype of the images.
    """
    _, height, width, channels = images.shape
    kernel_height, kernel_width, _, filters = kernel.shape
    rows, vertical = _selection(height, kernel_height, strides[0])
    columns, horizontal = _selection(width, kernel_width, strides[1])
    selected = ops.matmul(ops.cast(horizontal, images.dtype), images)  # (…, columns × kernel_width, channels)
    selected = ops.reshape(selected, (-1, height, columns * kernel_width * channels))
    selected = ops.matmul(ops.cast(vertical, images.dtype), selected)  # (batch, rows × kernel_height, …)
    selected = ops.reshape(selected, (-1, rows, kernel_height, columns, kernel_width * channels))
    patches = ops.reshape(
        ops.transpose(selected, (0, 1, 3, 2, 4)), (-1, kernel_height * kernel_width * channels)
    )
    convolved = ops.matmul(patches, ops.reshape(kernel, (-1, filters)))
    return ops.reshape(convolved, (-1, rows, columns, filters))


def _selection(side: int, kernel_side: int, stride: int) -> tuple[int, np.ndarray]:
    """Return the number of positions of a kernel along a side, and the matrix that selects their pixels.

    The matrix has the shape (num_positions × kernel_side, side) and a single 1 in each row.
    """
    num_positions = (side - kernel_side) // stride + 1
    pixels = stride * np.arange(num_positions)[:, None] + np.arange(kernel_side)
    return num_positions, np.eye(side, dtype="float32")[pixels.reshape(-1)]


@functools.cache
def _im2col_is_faster() -> bool:
    """Return whether Keras runs on a CPU with TensorFlow or JAX."""
    if keras.backend.backend() == "torch":
        return False
    return bool(keras.distribution.list_devices()[0].lower().startswith("cpu"))
