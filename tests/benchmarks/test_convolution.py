from pathlib import Path

import numpy as np
import pytest
from keras import ops


@pytest.mark.parametrize("form", ["space_to_depth", "patches"])
def test_all_forms_are_the_same_convolution(monkeypatch, form):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import convolution

    monkeypatch.setattr(convolution, "FILTERS", 3)
    generator = np.random.default_rng(0)
    features = ops.convert_to_tensor(generator.normal(size=(2, 20, 20, 3)), "float32")
    kernel = ops.convert_to_tensor(generator.normal(size=(9, 9, 3, 3)), "float32")
    expected = ops.convert_to_numpy(convolution.as_it_stands(features, kernel))
    found = ops.convert_to_numpy(getattr(convolution, form)(features, kernel))
    np.testing.assert_allclose(found, expected, atol=1e-3)
