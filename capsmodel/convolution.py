"""A strided convolution in the form that trains fastest on the device at hand."""

import functools

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="capsmodel")
class StridedConvolution(keras.layers.Conv2D):
    """Keras's Conv2D, without padding and channels last, as one matrix product where that is faster.

    On a CPU the gradients of a strided convolution are slower under TensorFlow, and take minutes a step
    under JAX; benchmarks/convolution.py measures both forms. GPUs and PyTorch have good ones.
    """

    def convolution_op(self, inputs, kernel):
        if _products_are_faster():
            return convolve_by_product(inputs, kernel, self.strides)
        return super().convolution_op(inputs, kernel)


def convolve_by_product(images, kernel, strides):
    """A convolution without padding: every patch cut out, and one matrix product of patches and kernel.

    The patches are cut by products as well, with matrices of zeros and ones, columns first and then rows:
    a gradient that flows back is a product again, in place of additions scattered over the images.

    Args:
        images: (batch, height, width, channels).
        kernel: (kernel height, kernel width, channels, filters).
        strides: down and right, pixels.

    Returns:
        (batch, rows, columns, filters), of the dtype of the images.
    """
    _, height, width, channels = images.shape
    kernel_height, kernel_width, _, filters = kernel.shape
    rows, down = _places(height, kernel_height, strides[0])
    columns, right = _places(width, kernel_width, strides[1])
    cut = ops.matmul(ops.cast(right, images.dtype), images)  # each row of pixels: columns × kernel_width
    cut = ops.reshape(cut, (-1, height, columns * kernel_width * channels))
    cut = ops.matmul(ops.cast(down, images.dtype), cut)  # (batch, rows × kernel_height, …)
    cut = ops.reshape(cut, (-1, rows, kernel_height, columns, kernel_width * channels))
    patches = ops.reshape(ops.transpose(cut, (0, 1, 3, 2, 4)), (-1, kernel_height * kernel_width * channels))
    convolved = ops.matmul(patches, ops.reshape(kernel, (-1, filters)))
    return ops.reshape(convolved, (-1, rows, columns, filters))


def _places(side, kernel_side, stride):
    """How many places a kernel takes along a side, and the matrix that picks their pixels.

    The matrix is (places × kernel_side, side): one 1 in each of its lines.
    """
    number = (side - kernel_side) // stride + 1
    pixels = stride * np.arange(number)[:, None] + np.arange(kernel_side)
    return number, np.eye(side, dtype="float32")[pixels.reshape(-1)]


@functools.cache
def _products_are_faster():
    """Whether Keras runs on a CPU, by TensorFlow or JAX."""
    if keras.backend.backend() == "torch":
        return False
    return keras.distribution.list_devices()[0].lower().startswith("cpu")
