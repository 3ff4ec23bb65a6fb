"""Train many configurations with many seeds each, to measure how much results vary between seeds.

    python -m benchmarks.seed_noise docs/results/seed_noise.csv

Two problems of scikit-learn are trained: a network with one hidden layer on the digits, and gradient boosting
on the diabetes data. For each, 24 configurations are drawn at random from a search space, and each is trained
with the seeds 0 to 39. The seed determines the initial weights, the order of the data and the subsamples; the
split into training, validation and test data is the same for all. A row of the file is one training. The
command takes about ten minutes on one core. benchmarks/confidence.py reads the file.
"""

import csv
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

NUM_CONFIGURATIONS = 24
NUM_SEEDS = 40
Params = dict[str, Any]
Model = Any


def main() -> None:
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["problem", "configuration", "seed", "validation", "test"])
        for problem, (load, draw, build, num_training) in PROBLEMS.items():
            inputs, targets = load(return_X_y=True)
            inputs = inputs / np.abs(inputs).max()
            train, rest, train_targets, rest_targets = train_test_split(
                inputs, targets, train_size=num_training, random_state=0
            )
            half = len(rest) // 3
            random = np.random.default_rng(0)
            for configuration, params in enumerate(draw(random) for _ in range(NUM_CONFIGURATIONS)):
                for seed in range(NUM_SEEDS):
                    model = build(params, seed)
                    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                        model.fit(train, train_targets)
                    scores = (
                        model.score(rest[:half], rest_targets[:half]),
                        model.score(rest[half:], rest_targets[half:]),
                    )
                    writer.writerow([problem, configuration, seed, *(f"{score:.6f}" for score in scores)])
                print(f"{problem}, configuration {configuration}: {params}", flush=True)


def draw_network(random: np.random.Generator) -> Params:
    return {
        "hidden_layer_sizes": (int(random.choice([16, 32, 64, 128])),),
        "activation": str(random.choice(["relu", "tanh"])),
        "learning_rate_init": float(10 ** random.uniform(-2, -0.3)),
        "momentum": float(random.uniform(0.0, 0.95)),
        "alpha": float(10 ** random.uniform(-5, -1)),
        "batch_size": int(random.choice([16, 32, 64])),
    }


def build_network(params: Params, seed: int) -> Model:
    return MLPClassifier(solver="sgd", max_iter=20, random_state=seed, **params)


def draw_boosting(random: np.random.Generator) -> Params:
    return {
        "max_depth": int(random.integers(1, 6)),
        "learning_rate": float(10 ** random.uniform(-2, -0.5)),
        "n_estimators": int(random.choice([50, 100, 200])),
        "subsample": float(random.uniform(0.3, 0.9)),
        "max_features": float(random.uniform(0.2, 1.0)),
    }


def build_boosting(params: Params, seed: int) -> Model:
    return GradientBoostingRegressor(random_state=seed, **params)


PROBLEMS: dict[str, tuple[Callable[..., Any], Callable[..., Params], Callable[..., Model], int]] = {
    "digits": (load_digits, draw_network, build_network, 500),
    "diabetes": (load_diabetes, draw_boosting, build_boosting, 200),
}


def rows(file: Path) -> Iterator[dict[str, str]]:
    """Yield the recorded trainings."""
    with file.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


if __name__ == "__main__":
    main()
