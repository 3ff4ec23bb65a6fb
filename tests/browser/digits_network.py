"""A small network on scikit-learn's digits, fast enough for a study of 24 trials in a minute or two."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sweep.worker.trial import Trial

CLASSES = range(10)


def train(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Train a network with one hidden layer and return its accuracy and loss on both parts of the data."""
    images, labels = load_digits(return_X_y=True)
    images /= 16
    split = train_test_split(images, labels, test_size=0.3, random_state=0, stratify=labels)
    parts = {"train": (split[0][:400], split[2][:400]), "val": (split[1], split[3])}
    network = MLPClassifier(
        hidden_layer_sizes=(params["width"],),
        activation=params["activation"],
        solver="sgd",
        momentum=params["momentum"],
        learning_rate_init=params["learning_rate"],
        alpha=params["weight_decay"],
        batch_size=params["batch_size"],
        random_state=trial.seed,
    )
    metrics: dict[str, float] = {}
    for epoch in range(1, params["epochs"] + 1):
        with warnings.catch_warnings(action="ignore"):  # a high learning rate overflows
            network.partial_fit(*parts["train"], classes=CLASSES)
        for name, (inputs, expected) in parts.items():
            probabilities = network.predict_proba(inputs)
            metrics[f"{name}_accuracy"] = float((probabilities.argmax(axis=1) == expected).mean())
            metrics[f"{name}_loss"] = float(log_loss(expected, probabilities, labels=list(CLASSES)))
        print(f"epoch {epoch}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
        trial.report(epoch, metrics)
    _tiles(network.coefs_[0]).save(trial.folder / "first_layer_weights.png")
    return metrics


def _tiles(weights: "np.ndarray[Any, Any]", columns: int = 16, scale: int = 6) -> Image.Image:
    """Return an image with the weights of each hidden unit as a tile of 8 × 8 grey pixels.

    Args:
        weights: The weights of the first layer, of shape (64, num_units).
        columns: The number of tiles per row.
        scale: The size of a weight in pixels.
    """
    units = weights.T[: 2 * columns].reshape(-1, 8, 8)
    span = np.abs(units).max() or 1.0
    frame = ((0, -len(units) % columns), (1, 1), (1, 1))
    units = np.pad(128 + 127 * units / span, frame, constant_values=255)
    tiles = units.reshape(-1, columns, 10, 10).swapaxes(1, 2).reshape(-1, columns * 10)
    return Image.fromarray(tiles.repeat(scale, axis=0).repeat(scale, axis=1).astype(np.uint8))
