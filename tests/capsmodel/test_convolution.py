import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.convolution import StridedConvolution, convolve_by_product
from tests.capsmodel import paper

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("kernel_shape", [(3, 3), (4, 2), (1, 1)])
def test_a_product_over_patches_is_the_convolution(strides, kernel_shape):
    images = GENERATOR.normal(size=(2, 9, 12, 3)).astype("float32")
    kernel = GENERATOR.normal(size=(*kernel_shape, 3, 5)).astype("float32")
    by_product = ops.convert_to_numpy(
        convolve_by_product(ops.convert_to_tensor(images), ops.convert_to_tensor(kernel), strides)
    )
    expected = paper.convolve(images.astype(float), kernel.astype(float), bias=0, stride=strides)
    np.testing.assert_allclose(by_product, expected, rtol=1e-4, atol=1e-5)


def test_it_keeps_bfloat16():
    images = ops.cast(GENERATOR.normal(size=(1, 5, 5, 2)), "bfloat16")
    kernel = ops.cast(GENERATOR.normal(size=(3, 3, 2, 4)), "bfloat16")
    assert keras.backend.standardize_dtype(convolve_by_product(images, kernel, (2, 2)).dtype) == "bfloat16"


@pytest.mark.parametrize("faster", [True, False])
def test_the_layer_is_a_convolution_in_either_form(monkeypatch, faster):
    monkeypatch.setattr("capsmodel.convolution._products_are_faster", lambda: faster)
    layer = StridedConvolution(4, 3, 2)
    images = GENERATOR.normal(size=(2, 7, 8, 3)).astype("float32")
    convolved = ops.convert_to_numpy(layer(images))
    expected = paper.convolve(images, *layer.get_weights(), stride=2)
    np.testing.assert_allclose(convolved, expected, rtol=1e-4, atol=1e-5)
