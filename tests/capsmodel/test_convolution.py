import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.convolution import StridedConvolution, convolve_by_product

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("kernel_shape", [(3, 3), (4, 2), (1, 1)])
def test_a_product_over_patches_is_the_convolution(strides, kernel_shape):
    images = GENERATOR.normal(size=(2, 9, 12, 3)).astype("float32")
    kernel = GENERATOR.normal(size=(*kernel_shape, 3, 5)).astype("float32")
    by_product = ops.convert_to_numpy(
        convolve_by_product(ops.convert_to_tensor(images), ops.convert_to_tensor(kernel), strides)
    )
    expected = _convolved(images.astype("float64"), kernel.astype("float64"), strides)
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
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(convolved, _convolved(images, kernel, (2, 2)) + bias, rtol=1e-4, atol=1e-5)


def _convolved(images, kernel, strides):
    """Patch by patch."""
    height, width = kernel.shape[:2]
    places = [range(0, side - extent + 1, step) for side, extent, step in
              zip(images.shape[1:3], (height, width), strides, strict=True)]  # fmt: skip
    return np.stack(
        [
            np.stack(
                [np.tensordot(images[:, y : y + height, x : x + width], kernel, 3) for x in places[1]], 1
            )
            for y in places[0]
        ],
        1,
    )
