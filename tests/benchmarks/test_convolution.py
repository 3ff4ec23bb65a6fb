import numpy as np
import pytest
from keras import ops

from benchmarks import convolution


@pytest.mark.parametrize("form", [convolution.space_to_depth, convolution.im2col])
def test_convolution_forms_compute_same_result(monkeypatch, form):
    monkeypatch.setattr(convolution, "FILTERS", 3)
    generator = np.random.default_rng(0)
    features = ops.convert_to_tensor(generator.normal(size=(2, 20, 20, 3)), "float32")
    kernel = ops.convert_to_tensor(generator.normal(size=(9, 9, 3, 3)), "float32")
    expected = ops.convert_to_numpy(convolution.strided(features, kernel))
    found = ops.convert_to_numpy(form(features, kernel))
    np.testing.assert_allclose(found, expected, atol=1e-3)
