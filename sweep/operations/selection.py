"""Which of several configurations is best, judged by the results of their seeds.

The model is a Bayesian random-effects model. The result of a seed is normally distributed around the mean of
its configuration. The variance of the seeds differs between configurations: its prior is a scaled inverse
chi-squared distribution with 4 degrees of freedom around a common variance, whose logarithm has a flat prior.
Configurations with few seeds thus borrow from the others [1]. The means are normally distributed around a
common mean with a flat prior; their standard deviation is r times that of the seeds, and r has a half-Cauchy
prior of scale 1 [2]. The means of similar configurations are thus drawn towards each other, which is why the
probabilities hold although several configurations are compared, and the results are examined repeatedly [3].

[1] Smyth (2004), Linear models and empirical Bayes methods for assessing differential expression in
    microarray experiments. Statistical Applications in Genetics and Molecular Biology 3(1).
[2] Gelman (2006), Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1(3).
[3] Gelman, Hill and Yajima (2012), Why we (usually) don't have to worry about multiple comparisons.
    Journal of Research on Educational Effectiveness 5(2).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

NUM_DRAWS = 4_000
VARIANCE_DEGREES = 4  # degrees of freedom of the prior of the variances
NUM_SCALES = 80
SMALLEST_SCALE = 1e-4  # of the noise, as a share of the range of all results
INTERVAL = 0.95
METHOD = "Bayesian random-effects model"

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
    flat = np.concatenate([np.asarray(values, float) for values in results])
    spread = float(flat.max() - flat.min())
    if spread == 0:
        share = 1 / len(results)
        return Selection(0, [share] * len(results), [Difference(0.0, 0.0)] * len(results))
    samples, weights = _posterior([sign * np.asarray(values, float) / spread for values in results])
    probabilities = np.bincount(samples.argmax(axis=1), weights, minlength=len(results))
    best = int(probabilities.argmax())
    tail = (1 - INTERVAL) / 2
    low, high = spread * np.quantile(
        samples[:, [best]] - samples, [tail, 1 - tail], axis=0, weights=weights, method="inverted_cdf"
    )
    leads = [Difference(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True)]
    return Selection(best, probabilities.tolist(), leads)


def _posterior(results: Sequence[Array]) -> tuple[Array, Array]:
    """Return samples of the means from their posterior distribution, with weights (importance sampling).

    Args:
        results: The results of each configuration, of which the range is 1.

    Returns:
        The samples, of shape (draws, configurations), and their weights, of shape (draws,) and with sum 1.
    """
    random = np.random.default_rng(0)
    num_seeds = np.array([len(values) for values in results])
    means = np.array([values.mean() for values in results])
    squares = np.array([((values - values.mean()) ** 2).sum() for values in results])
    scales = _scales(num_seeds - 1, squares)[:, None]  # (draws, 1)
    degrees = VARIANCE_DEGREES + num_seeds - 1
    variances = (VARIANCE_DEGREES * scales**2 + squares) / random.chisquare(degrees, (NUM_DRAWS, len(means)))
    # The quantiles of the half-Cauchy distribution, in random order.
    ratios = np.tan(np.pi / 2 * (random.permutation(NUM_DRAWS)[:, None] + 0.5) / NUM_DRAWS)
    between, within = (ratios * scales) ** 2, variances / num_seeds
    precisions = 1 / (between + within)  # (draws, configurations)
    total = precisions.sum(axis=1, keepdims=True)
    centers = (precisions * means).sum(axis=1, keepdims=True) / total
    log_likelihood = (
        np.log(precisions).sum(axis=1)
        - np.log(total[:, 0])
        - (precisions * (means - centers) ** 2).sum(axis=1)
    ) / 2
    centers += random.standard_normal(centers.shape) / np.sqrt(total)
    shrinkage = within * precisions  # how far a mean is drawn towards the center, from 0 to 1
    noise = np.sqrt(between * shrinkage) * random.standard_normal(within.shape)
    weights = np.exp(log_likelihood - log_likelihood.max())
    return means + shrinkage * (centers - means) + noise, weights / weights.sum()


def _scales(degrees: Array, squares: Array) -> Array:
    """Return samples of the common standard deviation of the seeds, given their sums of squares.

    The ratio of a variance that was estimated to the common one has an F distribution.
    """
    grid = np.geomspace(SMALLEST_SCALE, 1, NUM_SCALES)[:, None]
    log_density = -(
        degrees * np.log(grid)
        + (degrees + VARIANCE_DEGREES) / 2 * np.log1p(squares / (VARIANCE_DEGREES * grid**2))
    ).sum(axis=1)
    cumulative = np.exp(log_density - log_density.max()).cumsum()
    drawn = np.searchsorted(cumulative, cumulative[-1] * (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS)
    scales: Array = grid[drawn, 0]
    return scales
