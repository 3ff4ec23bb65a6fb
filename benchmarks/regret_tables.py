"""Train random configurations once, so that `benchmarks.regret` can search among their learning curves.

    KERAS_BACKEND=tensorflow python -m benchmarks.regret_tables digits --seconds 1200
    python -m benchmarks.regret_tables boosting --seconds 60
    python -m benchmarks.regret_tables perceptron --seconds 60

A line of the CSV file is a configuration and its validation accuracy after each epoch. `digits` is the
capsule network on 300 digits, `perceptron` is scikit-learn's perceptron with one hidden layer on all
digits, and `boosting` is its gradient boosting on odd and even digits with half of the pixels, where an
epoch is ten trees. The configurations are random, from a fixed seed, until the time is over.
"""

import argparse
import contextlib
import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "regret_tables"
SEED = 0
TREES_PER_EPOCH = 10
EPOCHS = {"digits": 8, "perceptron": 10, "boosting": 10}
# The bounds of each hyperparameter, whether it is an integer, and whether its logarithm is uniform.
SPACES: dict[str, dict[str, tuple[float, float, bool, bool]]] = {
    "digits": {
        "learning_rate": (0.0001, 0.03, False, True),
        "lr_decay": (0.6, 1.0, False, False),
        "decoder_coefficient": (0.01, 10.0, False, True),
        "routing_iterations": (1, 3, True, False),
    },
    "perceptron": {
        "learning_rate_init": (0.0001, 0.3, False, True),
        "alpha": (0.00001, 10.0, False, True),
        "hidden_units": (4, 128, True, True),
        "batch_size": (16, 256, True, True),
        "beta_1": (0.5, 0.99, False, False),
    },
    "boosting": {
        "learning_rate": (0.005, 1.0, False, True),
        "max_depth": (1, 6, True, False),
        "subsample": (0.2, 1.0, False, False),
        "max_features": (0.1, 1.0, False, False),
        "min_samples_leaf": (1, 40, True, True),
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("problem", choices=SPACES)
    parser.add_argument("--seconds", type=float, default=600.0)
    arguments = parser.parse_args()
    train = TRAIN[arguments.problem]
    rng = np.random.default_rng(SEED)
    end = time.monotonic() + arguments.seconds
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{arguments.problem}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        epochs = range(1, EPOCHS[arguments.problem] + 1)
        writer.writerow([*SPACES[arguments.problem], *(f"epoch_{epoch}" for epoch in epochs)])
        while time.monotonic() < end:
            params = draw(arguments.problem, rng)
            writer.writerow([*params.values(), *(round(value, 5) for value in train(params))])
            file.flush()


def draw(problem: str, rng: np.random.Generator) -> dict[str, float]:
    """Return a random configuration of a problem."""
    params: dict[str, float] = {}
    for name, (low, high, is_int, is_log) in SPACES[problem].items():
        value = np.exp(rng.uniform(np.log(low), np.log(high))) if is_log else rng.uniform(low, high)
        if is_int:
            value = value if is_log else rng.integers(int(low), int(high), endpoint=True)
            params[name] = round(float(value))
        else:
            params[name] = float(f"{value:.5g}")
    return params


def train_digits(params: dict[str, float]) -> list[float]:
    """Return the validation accuracy of the capsule network after each epoch."""
    from capsmodel.standalone_trial import StandaloneTrial
    from capsmodel.train import train

    fixed = {"epochs": EPOCHS["digits"], "num_samples": 300, "batch_size": 50, "conv_filters": 16}
    network = {"primary_channels": 4, "validation_fraction": 0.3, "decoder_widths": [64]}
    with tempfile.TemporaryDirectory() as folder:
        trial = StandaloneTrial(Path(folder))
        with contextlib.suppress(FloatingPointError):  # the epochs after a divergence count as guessing
            train({**fixed, **network, **params}, trial)
    curve = [metrics["val_accuracy"] for metrics in trial.epochs]
    return curve + [0.1] * (EPOCHS["digits"] - len(curve))


def train_boosting(params: dict[str, float]) -> list[float]:
    """Return the validation accuracy of gradient boosting after each group of trees."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.model_selection import train_test_split

    features, labels = load_digits(return_X_y=True)
    features, labels = features[:, ::2], labels % 2
    train_x, test_x, train_y, test_y = train_test_split(features, labels, test_size=0.5, random_state=SEED)
    trees = TREES_PER_EPOCH * EPOCHS["boosting"]
    model = GradientBoostingClassifier(n_estimators=trees, random_state=SEED, **params).fit(train_x, train_y)
    staged = [float(np.mean(guess == test_y)) for guess in model.staged_predict(test_x)]
    return staged[TREES_PER_EPOCH - 1 :: TREES_PER_EPOCH]


def train_perceptron(params: dict[str, float]) -> list[float]:
    """Return the validation accuracy of a perceptron after each epoch."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    features, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        features / 16, labels, test_size=0.5, random_state=SEED
    )
    settings = {name: value for name, value in params.items() if name != "hidden_units"}
    model = MLPClassifier((int(params["hidden_units"]),), random_state=SEED, **settings)
    curve = []
    for _ in range(EPOCHS["perceptron"]):
        model.partial_fit(train_x, train_y, classes=range(10))
        curve.append(float(model.score(test_x, test_y)))
    return curve


TRAIN: dict[str, Callable[[dict[str, float]], list[float]]] = {
    "digits": train_digits,
    "perceptron": train_perceptron,
    "boosting": train_boosting,
}


if __name__ == "__main__":
    main()
