"""Which of several configurations is best, judged by the results of their seeds, and which need more seeds.

The model is the Bayesian one-way random-effects model. The result of a seed is normally distributed around
the mean of its configuration, with one variance for all configurations. The means are normally distributed
around a common mean, with the standard deviation r times that of the seeds. The prior of the common mean and of
the logarithm of the variance is flat, and that of r is a half-Cauchy distribution of scale 1 [1]. Because
the means of similar configurations are drawn towards each other, the probabilities stay calibrated although
several configurations are compared and the results are examined repeatedly [2].

[1] Gelman (2006), Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1(3).
[2] Gelman, Hill and Yajima (2012), Why we (usually) don't have to worry about multiple comparisons. Journal of
    Research on Educational Effectiveness 5(2).
[3] Russo (2020), Simple Bayesian algorithms for best-arm identification. Operations Research 68(6).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

NUM_DRAWS = 10_000
NUM_RATIOS = 100
INTERVAL = 0.95
METHOD = "Bayesian random-effects model with one variance for all configurations"

Array = np.ndarray[Any, Any]


class Difference(NamedTuple):
    """The interval that contains a difference of two means with a probability of `INTERVAL`."""

    low: float
    high: float


class Selection(NamedTuple):
    """Which configuration is best. The order of the configurations is that of the results.

    Attributes:
        best: The index of the configuration that is most probably the best.
        probabilities: The probability that a configuration is the best, for each of them.
        leads: By how much the best one is better than another one, for each of them; zero for itself.
    """

    best: int
    probabilities: list[float]
    leads: list[Difference]

    @property
    def probability(self) -> float:
        """The probability that the chosen configuration is the best one."""
        return self.probabilities[self.best]

    @property
    def contenders(self) -> list[int]:
        """The indices of the two configurations that are most probably the best, the chosen one first."""
        order = sorted(range(len(self.probabilities)), key=lambda index: -self.probabilities[index])
        return order[:2]


def select(results: Sequence[Sequence[float]], direction: str) -> Selection | None:
    """Compare configurations.

    The result depends on nothing but the arguments; it is computed with `NUM_DRAWS` samples of the posterior
    distribution, from a fixed seed.

    Args:
        results: The results of each configuration, one per seed; each has one at least.
        direction: The direction of the results, "maximize" or "minimize".

    Returns:
        The selection; None if there are fewer than two configurations, or if no configuration has two seeds,
        so that the variation between seeds is unknown.
    """
    num_seeds = np.array([len(values) for values in results])
    if len(results) < 2 or num_seeds.max() < 2:
        return None
    sign = 1.0 if direction == "maximize" else -1.0
    samples = _samples(num_seeds, [sign * np.asarray(values, float) for values in results])
    best_of_sample = np.bincount(samples.argmax(axis=1), minlength=len(results))
    best = int(best_of_sample.argmax())
    tail = (1 - INTERVAL) / 2
    quantiles = np.quantile(samples[:, [best]] - samples, [tail, 1 - tail], axis=0)
    leads = [Difference(float(low), float(high)) for low, high in quantiles.T]
    return Selection(best, (best_of_sample / NUM_DRAWS).tolist(), leads)


def _samples(num_seeds: Array, results: Sequence[Array]) -> Array:
    """Return samples of the means from their posterior distribution, of shape (draws, configurations)."""
    random = np.random.default_rng(0)
    means = np.array([values.mean() for values in results])
    within = sum(float(((values - mean) ** 2).sum()) for values, mean in zip(results, means, strict=True))
    # The ratios divide the half-Cauchy distribution into intervals of the same prior probability.
    ratios = np.tan(np.pi / 2 * (np.arange(NUM_RATIOS) + 0.5) / NUM_RATIOS)
    weights = 1 / (ratios[:, None] ** 2 + 1 / num_seeds)  # (ratios, configurations)
    total = weights.sum(axis=1)
    centers = weights @ means / total
    squares = within + (weights * (means - centers[:, None]) ** 2).sum(axis=1)
    num_degrees = num_seeds.sum() - 1
    # Results that are all equal have a likelihood that does not depend on the scale.
    squares = np.maximum(squares, np.finfo(float).tiny)
    log_likelihood = (np.log(weights).sum(axis=1) - np.log(total) - num_degrees * np.log(squares)) / 2
    posterior = np.exp(log_likelihood - log_likelihood.max()).cumsum()
    drawn = np.searchsorted(posterior, posterior[-1] * (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS)
    scale = np.sqrt(squares[drawn] / random.chisquare(num_degrees, NUM_DRAWS))
    center = centers[drawn] + scale * random.standard_normal(NUM_DRAWS) / np.sqrt(total[drawn])
    shrinkage = (1 / num_seeds) * weights[drawn]  # how far a mean is drawn towards the center, from 0 to 1
    deviation = scale[:, None] * ratios[drawn][:, None] * np.sqrt(shrinkage)
    noise: Array = deviation * random.standard_normal((NUM_DRAWS, len(means)))
    return means + shrinkage * (center[:, None] - means) + noise
