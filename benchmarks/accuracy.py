"""Whether what is faster is as accurate: full trainings beside the starting work's way, over three seeds.

    python benchmarks/accuracy.py kmnist-8k.npz accuracy.jsonl

The last recipe of the starting work (batch 100, 3 routing iterations, learning rate 0.001 × 0.95^epoch,
decoder coefficient 0.784, shift and cutout), on the training images less a tenth of them, which validates
every epoch; after its last epoch a network is tested, once. Each epoch is recorded as a line of JSON, and a
training that the file has whole is not repeated. Each training has a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from scipy.stats import ttest_ind
from starting_work import augmented_batches, build_starting_model, predicted_classes, read_ahead

from capsmodel.config import CapsNetConfig, TrainConfig, configs_from_params
from capsmodel.data import load_dataset, split_validation
from capsmodel.epochs import train_epochs
from capsmodel.evaluate import classify
from capsmodel.train import SPLIT_SEED
from capsmodel.trial import LoneTrial
from sweep.reporting.seed_statistics import CONFIDENCE, EvaluatedConfiguration, format_mean

STARTING_WORK = "starting work"
SEEDS = 3
COMPARED = ("train_loss", "val_accuracy", "test_accuracy")
RECIPE = {"lr_decay": 0.95, "decoder_coefficient": 0.784, "augmentation": "shift+cutout"}


class Training(NamedTuple):
    """One of those that are compared."""

    way: str  # "starting work", or a precision of ours
    initial_votes: str  # see layers.ClassCapsules
    seed: int
    epochs: int


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        training = Training(*json.loads(arguments.alone))
        _train(training, arguments.dataset, arguments.records)
        return
    plan = plan_of(arguments.epochs, arguments.plateau_epochs)
    missing = [training for training in plan if "test_accuracy" not in last_of(training, arguments.records)]
    for training in missing:
        command = [sys.executable, __file__, arguments.dataset, str(arguments.records)]
        subprocess.run([*command, "--alone", json.dumps(training)], check=True)
    _print_table(plan, arguments.records)


def plan_of(epochs: int, plateau_epochs: int) -> list[Training]:
    """All ways from one scale of initial weights; and the starting work's from its own, for longer, beside
    ours for half as long."""
    ways = ("mixed_bfloat16", "float32", STARTING_WORK)
    plan = [Training(way, "scaled", seed, epochs) for seed in range(SEEDS) for way in ways]
    if plateau_epochs:
        plan += [Training(STARTING_WORK, "glorot_4d", seed, plateau_epochs) for seed in range(SEEDS)]
        half = max(1, plateau_epochs // 2)
        plan += [Training("mixed_bfloat16", "scaled", seed, half) for seed in range(SEEDS)]
    return list(dict.fromkeys(plan))  # half as long may be as long as the first


def epochs_of(training: Training, records: Path) -> dict[int, dict[str, float]]:
    """What is recorded last of each epoch of a training, counted from 1."""
    lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
    found = {}
    for record in map(json.loads, lines):
        if record["training"] == list(training):
            found[record["epoch"]] = record["metrics"]
    return found


def last_of(training: Training, records: Path) -> dict[str, float]:
    return epochs_of(training, records).get(training.epochs, {})


def _train(training: Training, dataset_name: str, records: Path) -> None:
    """Train and test in this process."""

    def record(epoch: int, metrics: dict[str, float]) -> None:
        compared = {name: metrics[name] for name in COMPARED if name in metrics}
        with records.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"training": training, "epoch": epoch, "metrics": compared}) + "\n")

    keras.utils.set_random_seed(training.seed)
    dataset = load_dataset(dataset_name)
    split = split_validation(dataset.y_train, TrainConfig.validation_fraction, SPLIT_SEED)
    train_it = _train_starting_work if training.way == STARTING_WORK else _train_ours
    train_it(training, dataset, *split, record)


def _train_ours(training, dataset, training_images, validation_images, record) -> None:
    params = {
        **RECIPE,
        "epochs": training.epochs,
        "precision": training.way,
        "initial_votes": training.initial_votes,
    }
    configs = configs_from_params(params, dataset.input_shape, dataset.num_classes)

    class Recorded(LoneTrial):
        def report(self, epoch, metrics):
            record(epoch, metrics)

    with tempfile.TemporaryDirectory() as folder:
        trial = Recorded(Path(folder), seed=training.seed)
        trained = train_epochs(*configs, dataset, trial, training_images, validation_images)
    predicted = classify(trained.capsnet, dataset.x_test, TrainConfig.batch_size)
    test_accuracy = float((predicted == dataset.y_test).mean())
    record(training.epochs, {**trained.history[-1], "test_accuracy": test_accuracy})


def _train_starting_work(training, dataset, training_images, validation_images, record) -> None:
    network_config = CapsNetConfig(
        dataset.input_shape, dataset.num_classes, initial_votes=training.initial_votes
    )
    config = TrainConfig(**RECIPE)
    model = build_starting_model(network_config, config.batch_size, config.decoder_coefficient)
    batches = augmented_batches(
        dataset.x_train[training_images] / np.float32(255),
        dataset.y_train[training_images],
        dataset.num_classes,
        config.batch_size,
        training.seed,
    )
    batches = read_ahead(batches, model)

    def accuracy(images, labels) -> float:
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


def _print_table(plan: list[Training], records: Path) -> None:
    groups: dict[tuple[str, str, int], list[dict[int, dict[str, float]]]] = {}
    for training in plan:
        group = (training.way, training.initial_votes, training.epochs)
        groups.setdefault(group, []).append(epochs_of(training, records))
    tests: dict[tuple[str, str, int], list[float]] = {}
    for (way, initial_votes, epochs), seeds in groups.items():
        print(f"\n{way}, initial votes {initial_votes}, {epochs} epochs")
        for epoch in range(1, epochs + 1):
            metrics = [recorded[epoch] for recorded in seeds]
            losses = " ".join(f"{seed['train_loss']:.3f}" for seed in metrics)
            validated = " ".join(f"{seed['val_accuracy']:.1%}" for seed in metrics)
            print(f"  epoch {epoch:2}   training loss {losses}   validation accuracy {validated}")
        tested = [recorded[epochs]["test_accuracy"] for recorded in seeds]
        mean = format_mean(EvaluatedConfiguration(0, {}, "test_accuracy", tested, []))
        print(f"  test accuracy {' '.join(f'{value:.2%}' for value in tested)}: mean {mean}, 95 %")
        tests[way, initial_votes, epochs] = tested
    print()
    for (way, initial_votes, epochs), tested in tests.items():
        reference = tests.get((STARTING_WORK, initial_votes, epochs), [])
        if way != STARTING_WORK and reference:
            low, high = ttest_ind(tested, reference, equal_var=False).confidence_interval(CONFIDENCE)
            print(f"{way} less the starting work, both {initial_votes}: {low:+.2%} to {high:+.2%}, 95 %")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", help="kmnist or the path of a .npz file")
    parser.add_argument("records", type=Path, help="the .jsonl file to add to")
    parser.add_argument("--epochs", type=int, default=4, help="of the three ways from one scale")
    parser.add_argument(
        "--plateau-epochs",
        type=int,
        default=16,
        help="of the starting work's way from its own scale, beside half as many of ours; 0 for none",
    )
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # one of the plan, in this process
    return parser.parse_args()


if __name__ == "__main__":
    main()
