import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.network.im2col import StridedConvolution, im2col_convolution
from tests.capsmodel import paper

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("kernel_shape", [(3, 3), (4, 2), (1, 1)])
def test_im2col_equals_direct_convolution(strides, kernel_shape):
    images = GENERATOR.normal(size=(2, 9, 12, 3)).astype("float32")
    kernel = GENERATOR.normal(size=(*kernel_shape, 3, 5)).astype("float32")
    convolved = ops.convert_to_numpy(
        im2col_convolution(ops.convert_to_tensor(images), ops.convert_to_tensor(kernel), strides)
    )
    expected = paper.convolve(images.astype(float), kernel.astype(float), bias=0, stride=strides)
    np.testing.assert_allclose(convolved, expected, rtol=1e-4, atol=1e-5)


def test_im2col_keeps_bfloat16_dtype():
    images = ops.cast(GENERATOR.normal(size=(1, 5, 5, 2)), "bfloat16")
    kernel = ops.cast(GENERATOR.normal(size=(3, 3, 2, 4)), "bfloat16")
    assert keras.backend.standardize_dtype(im2col_convolution(images, kernel, (2, 2)).dtype) == "bfloat16"


@pytest.mark.parametrize("is_faster", [True, False])
def test_strided_convolution_gives_same_result_with_and_without_im2col(monkeypatch, is_faster):
    monkeypatch.setattr("capsmodel.network.im2col._im2col_is_faster", lambda: is_faster)
    layer = StridedConvolution(4, 3, 2)
    images = GENERATOR.normal(size=(2, 7, 8, 3)).astype("float32")
    convolved = ops.convert_to_numpy(layer(images))
    expected = paper.convolve(images, *layer.get_weights(), stride=2)
    np.testing.assert_allclose(convolved, expected, rtol=1e-4, atol=1e-5)
