import math

import numpy as np
import pytest

from sweep.reporting.epoch_noise import pooled_noise, still_improves, tail_of

NOISE = np.random.default_rng(0).normal(0, 0.001, 40)


def test_noise_excludes_the_trend_and_requires_epochs() -> None:
    tail = tail_of(np.linspace(0.1, 0.9, 40).tolist())
    assert tail is not None
    assert tail == pytest.approx((0.0, 0.8 * 9 / 39), abs=1e-9)
    assert tail_of([0.5, 0.6, 0.7]) is None
    assert tail_of([math.nan] * 40) is None


def test_noise_is_that_of_the_values() -> None:
    assert pooled_noise([(0.9 + NOISE).tolist()]) == pytest.approx(0.001, rel=0.5)


def test_constant_curves_show_no_noise() -> None:
    assert pooled_noise([[0.9] * 20]) is None
    assert pooled_noise([[0.9] * 20, [0.9 + 0.01 * (-1) ** epoch for epoch in range(20)]]) is not None


@pytest.mark.parametrize("sign", [1, -1])
def test_curve_that_still_improves(sign: int) -> None:
    rising = (sign * (np.linspace(0.1, 0.9, 40) + NOISE)).tolist()
    assert still_improves(rising, maximizes=sign == 1)
    assert not still_improves(rising, maximizes=sign == -1)
    assert not still_improves((0.9 + NOISE).tolist(), maximizes=sign == 1)
