"""Compare the accuracy of this project's network with that of the baseline, with three seeds each.

    python -m benchmarks.accuracy kmnist-8k.npz accuracy.jsonl

The baseline is the student project that this project grew out of (see baseline.py). All training runs use
its last recipe: batch size 100, 3 routing iterations, learning rate 0.001 × 0.95^epoch, decoder coefficient
0.784, shift and cutout. They train on nine tenths of the training images, validate on the others after every
epoch, and test the network once after the last epoch. Each epoch is recorded as a line of JSON. A training
run whose record is complete is not repeated. Each training run has its own process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from scipy.stats import ttest_1samp, ttest_ind

from benchmarks.baseline import augmented_batches, build_baseline_model, predicted_classes, read_ahead
from capsmodel.config import CapsNetConfig, TrainConfig, configs_from_params
from capsmodel.data import Dataset, load_dataset, split_validation
from capsmodel.evaluate import classify
from capsmodel.standalone_trial import StandaloneTrial
from capsmodel.train import SPLIT_SEED
from capsmodel.training.epochs import train_epochs

BASELINE = "baseline"
NUM_SEEDS = 3
CONFIDENCE = 0.95
COMPARED = ("train_loss", "val_accuracy", "test_accuracy")
RECIPE = {"lr_decay": 0.95, "decoder_coefficient": 0.784, "augmentation": "shift+cutout"}

Recorder = Callable[[int, Mapping[str, float]], None]


class Training(NamedTuple):
    """A training run that is compared with others.

    Attributes:
        implementation: "baseline" for the baseline, or the precision of this project's network.
        initial_votes: The scale of the initial weights; see `capsmodel.network.layers.ClassCapsules`.
        seed: The seed of all random numbers.
        epochs: The number of epochs.
    """

    implementation: str
    initial_votes: str
    seed: int
    epochs: int


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        training = Training(*json.loads(arguments.alone))
        _train(training, arguments.dataset, arguments.records)
        return
    plan = plan_trainings(arguments.epochs, arguments.plateau_epochs)
    missing = [
        training for training in plan if "test_accuracy" not in last_metrics(training, arguments.records)
    ]
    for training in missing:
        command = [sys.executable, "-m", "benchmarks.accuracy", arguments.dataset, str(arguments.records)]
        subprocess.run([*command, "--alone", json.dumps(training)], check=True)
    _print_tables(plan, arguments.records)


def plan_trainings(epochs: int, plateau_epochs: int) -> list[Training]:
    """Return the training runs to compare.

    Args:
        epochs: The number of epochs of each implementation with the same scale of initial weights.
        plateau_epochs: The number of epochs of the baseline with its own scale of initial weights, which is
            compared with half as many epochs of this project's network; 0 omits this comparison.

    Returns:
        The training runs, without duplicates.
    """
    implementations = ("mixed_bfloat16", "float32", BASELINE)
    plan = [
        Training(implementation, "scaled", seed, epochs)
        for seed in range(NUM_SEEDS)
        for implementation in implementations
    ]
    if plateau_epochs:
        plan += [Training(BASELINE, "glorot_4d", seed, plateau_epochs) for seed in range(NUM_SEEDS)]
        half = max(1, plateau_epochs // 2)
        plan += [Training("mixed_bfloat16", "scaled", seed, half) for seed in range(NUM_SEEDS)]
    return list(dict.fromkeys(plan))  # the last runs may equal the first ones


def recorded_epochs(training: Training, records: Path) -> dict[int, dict[str, float]]:
    """Return the last recorded metrics of each epoch of a training run, by epoch, counted from 1."""
    lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
    found = {}
    for record in map(json.loads, lines):
        if record["training"] == list(training):
            found[record["epoch"]] = record["metrics"]
    return found


def last_metrics(training: Training, records: Path) -> dict[str, float]:
    """Return the metrics of the last epoch of a training run, or an empty dict if it is not recorded."""
    return recorded_epochs(training, records).get(training.epochs, {})


def _train(training: Training, dataset_name: str, records: Path) -> None:
    """Train and test a network in this process, and record each epoch."""

    def record(epoch: int, metrics: Mapping[str, float]) -> None:
        compared = {name: metrics[name] for name in COMPARED if name in metrics}
        with records.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"training": training, "epoch": epoch, "metrics": compared}) + "\n")

    keras.utils.set_random_seed(training.seed)
    dataset = load_dataset(dataset_name)
    split = split_validation(dataset.y_train, TrainConfig.validation_fraction, SPLIT_SEED)
    train = _train_baseline if training.implementation == BASELINE else _train_capsmodel
    train(training, dataset, *split, record)


def _train_capsmodel(
    training: Training,
    dataset: Dataset,
    training_images: np.ndarray,
    validation_images: np.ndarray,
    record: Recorder,
) -> None:
    params = {
        **RECIPE,
        "epochs": training.epochs,
        "precision": training.implementation,
        "initial_votes": training.initial_votes,
    }
    configs = configs_from_params(params, dataset.input_shape, dataset.num_classes)

    class RecordedTrial(StandaloneTrial):
        def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
            record(epoch, metrics)

    with tempfile.TemporaryDirectory() as folder:
        trial = RecordedTrial(Path(folder), seed=training.seed)
        trained = train_epochs(*configs, dataset, trial, training_images, validation_images)
    predicted = classify(trained.capsnet, dataset.x_test, TrainConfig.batch_size)
    test_accuracy = float((predicted == dataset.y_test).mean())
    record(training.epochs, {**trained.history[-1], "test_accuracy": test_accuracy})


def _train_baseline(
    training: Training,
    dataset: Dataset,
    training_images: np.ndarray,
    validation_images: np.ndarray,
    record: Recorder,
) -> None:
    network_config = CapsNetConfig(
        dataset.input_shape, dataset.num_classes, initial_votes=training.initial_votes
    )
    config = TrainConfig(**RECIPE)
    model = build_baseline_model(network_config, config.batch_size, config.decoder_coefficient)
    batches = augmented_batches(
        dataset.x_train[training_images] / np.float32(255),
        dataset.y_train[training_images],
        dataset.num_classes,
        config.batch_size,
        training.seed,
    )
    batches = read_ahead(batches, model)

    def accuracy(images: np.ndarray, labels: np.ndarray) -> float:
        predicted = predicted_classes(model, images / np.float32(255), config.batch_size)
        return float((predicted == labels).mean())

    for epoch in range(training.epochs):
        model.optimizer.learning_rate = config.learning_rate * config.lr_decay**epoch
        steps = len(training_images) // config.batch_size
        trained = model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0).history
        metrics = {
            "train_loss": trained["loss"][0],
            "val_accuracy": accuracy(dataset.x_train[validation_images], dataset.y_train[validation_images]),
        }
        if epoch == training.epochs - 1:
            metrics["test_accuracy"] = accuracy(dataset.x_test, dataset.y_test)
        record(epoch + 1, metrics)


def _print_tables(plan: list[Training], records: Path) -> None:
    groups: dict[tuple[str, str, int], list[dict[int, dict[str, float]]]] = {}
    for training in plan:
        group = (training.implementation, training.initial_votes, training.epochs)
        groups.setdefault(group, []).append(recorded_epochs(training, records))
    tests: dict[tuple[str, str, int], list[float]] = {}
    for (implementation, initial_votes, epochs), seeds in groups.items():
        print(f"\n{implementation}, initial votes {initial_votes}, {epochs} epochs")
        for epoch in range(1, epochs + 1):
            metrics = [recorded[epoch] for recorded in seeds]
            losses = " ".join(f"{seed['train_loss']:.3f}" for seed in metrics)
            validated = " ".join(f"{seed['val_accuracy']:.1%}" for seed in metrics)
            print(f"  epoch {epoch:2}   training loss {losses}   validation accuracy {validated}")
        tested = [recorded[epochs]["test_accuracy"] for recorded in seeds]
        print(f"  test accuracy {' '.join(f'{value:.2%}' for value in tested)}: mean {_show_mean(tested)}")
        tests[implementation, initial_votes, epochs] = tested
    print()
    for (implementation, initial_votes, epochs), tested in tests.items():
        reference = tests.get((BASELINE, initial_votes, epochs), [])
        if implementation != BASELINE and reference:
            low, high = ttest_ind(tested, reference, equal_var=False).confidence_interval(CONFIDENCE)
            print(
                f"{implementation} minus baseline, both {initial_votes}: {low:+.2%} to {high:+.2%} "
                f"({CONFIDENCE:.0%} confidence interval)"
            )


def _show_mean(values: list[float]) -> str:
    """Return the mean of a metric over seeds and its confidence interval as text."""
    mean = statistics.fmean(values)
    _, high = ttest_1samp(values, 0).confidence_interval(CONFIDENCE)
    return f"{mean:.2%} ± {high - mean:.2%} ({CONFIDENCE:.0%} confidence interval)"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", help="The data set: kmnist or the path of a .npz file.")
    parser.add_argument("records", type=Path, help="The .jsonl file to append records to.")
    parser.add_argument(
        "--epochs",
        type=int,
        default=4,
        help="The number of epochs of all three implementations with the same scale of initial weights.",
    )
    parser.add_argument(
        "--plateau-epochs",
        type=int,
        default=16,
        help="The number of epochs of the baseline with its own scale of initial weights. They are compared "
        "with half as many epochs of this project's network; 0 omits this comparison.",
    )
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # trains one run of the plan in this process
    return parser.parse_args()


if __name__ == "__main__":
    main()
