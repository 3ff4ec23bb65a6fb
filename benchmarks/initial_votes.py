"""Compare the first epochs of training with two scales of the initial votes, with five seeds each.

    pip install '.[figures]'
    python -m benchmarks.initial_votes docs/figures/initial_votes.svg

The benchmark trains the paper's network with this project's initial weights ("scaled") and with those of the
baseline ("glorot_4d"), which is the student project that this project grew out of. The figure shows the
training loss and the validation accuracy of each epoch, with one line for each seed.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from capsmodel.config import INITIAL_VOTES
from capsmodel.standalone_trial import StandaloneTrial
from capsmodel.train import train

NUM_SEEDS = 5
COLOURS = {"scaled": "#0b6e99", "glorot_4d": "#c4541a"}


def main() -> None:
    arguments = _arguments()
    params = {"epochs": arguments.epochs, "num_samples": arguments.num_samples}
    curves = {
        scheme: [
            train_epochs({**params, "initial_votes": scheme}, arguments.dataset, seed)
            for seed in range(NUM_SEEDS)
        ]
        for scheme in INITIAL_VOTES
    }
    print("epoch " + "".join(f"{scheme + ': loss, accuracy':>28}" for scheme in curves))
    for epoch in range(arguments.epochs):
        print(f"{epoch + 1:5} " + "".join(f"{_medians(seeds, epoch):>28}" for seeds in curves.values()))
    draw(curves, arguments.figure)


def train_epochs(params: dict[str, Any], dataset: str, seed: int) -> list[dict[str, float]]:
    """Train one network, and return the metrics of each epoch.

    Args:
        params: The hyperparameters; see `capsmodel.train.train`.
        dataset: The name of the data set.
        seed: The seed of all random numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        trial = StandaloneTrial(Path(folder), dataset, seed)
        train(params, trial)
    return trial.epochs


def draw(curves: dict[str, list[list[dict[str, float]]]], path: Path) -> None:
    """Draw the loss and the accuracy over the epochs, with one line for each seed, and write the figure.

    Args:
        curves: For each scheme of initial votes and each seed, the metrics of each epoch.
        path: The file to write.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for panel, metric in zip(panels, ("train_loss", "val_accuracy"), strict=True):
        for scheme, seeds in curves.items():
            for number, epochs in enumerate(seeds):
                values = [metrics[metric] for metrics in epochs]
                label = scheme if number == 0 else None
                panel.plot(
                    range(1, len(values) + 1),
                    values,
                    color=COLOURS[scheme],
                    label=label,
                    linewidth=1.2,
                    marker=".",
                )
        panel.set(xlabel="epoch", ylabel=metric, ylim=(0, None))
        panel.grid(alpha=0.3)
    panels[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _medians(seeds: list[list[dict[str, float]]], epoch: int) -> str:
    loss, accuracy = (
        statistics.median(epochs[epoch][metric] for epochs in seeds)
        for metric in ("train_loss", "val_accuracy")
    )
    return f"{loss:.3f}, {accuracy:.1%}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("figure", type=Path, help="The .svg or .png file to write.")
    parser.add_argument(
        "--dataset", default="digits", help="The data set: digits, kmnist or the path of a .npz file."
    )
    parser.add_argument("--epochs", type=int, default=10, help="The number of epochs.")
    parser.add_argument(
        "--num-samples", type=int, help="The number of images to train on. By default all are used."
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
