"""`evaluate`: the function a study names to have a chosen configuration tested, once."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from capsmodel.batches import batched
from capsmodel.config import configs_from_params
from capsmodel.data import load_dataset
from capsmodel.epochs import train_epochs
from capsmodel.model import CapsNet
from capsmodel.train import slice_of
from capsmodel.trial import Trial


def evaluate(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Retrain a configuration on all training images, those for validation too, and test it once.

    All epochs are trained: early stopping has nothing to go by. The confusion matrix goes into the trial's
    folder as confusion.json, `counts[label][predicted]`, and is noted as "confusion" for the report.

    Args:
        params: as for `train.train`.
        trial: see Trial; its seed is one of several that the configuration is judged by.

    Returns:
        test_accuracy; test_accuracy_of_0, test_accuracy_of_1, … for each class there are test images of;
        num_test_images; and the metrics of the last epoch of training.

    Raises:
        ValueError: a param is unknown or out of range.
        DataError: the data set is missing, damaged or unfit.
        FloatingPointError: the loss is no longer a number.
    """
    dataset = load_dataset(trial.dataset, trial.data_dir)
    network_config, config = configs_from_params(params, dataset.input_shape, dataset.num_classes)
    config = replace(config, early_stopping_patience=None)
    training = slice_of(np.arange(len(dataset.y_train)), dataset.y_train, config)
    trained = train_epochs(network_config, config, dataset, trial, training, validation=None)
    predicted = classify(trained.capsnet, dataset.x_test, config.batch_size)
    confusion = count_confusion(dataset.y_test, predicted, dataset.num_classes)
    _save(confusion, trial.folder / "confusion.json")
    trial.note("confusion", json.dumps(confusion.tolist()))
    return {**trained.history[-1], **accuracies(confusion)}


def classify(capsnet: CapsNet, images: np.ndarray, batch_size: int) -> np.ndarray:
    """The class of the longest capsule of each image, (num_images,).

    Args:
        capsnet: the network, trained.
        images: uint8, (num_images, height, width, channels).
        batch_size: images that are computed at once.
    """
    lengths, _ = capsnet.prediction.predict(batched(images / np.float32(255), batch_size), verbose=0)
    return np.argmax(lengths, axis=1)


def count_confusion(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """How often an image of each label is taken for each class, (label, predicted)."""
    counts = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def accuracies(confusion: np.ndarray) -> dict[str, float]:
    """Accuracy over all test images and over those of each class."""
    images = confusion.sum(axis=1)
    right = confusion.diagonal()
    return {
        "test_accuracy": float(right.sum() / images.sum()),
        **{
            f"test_accuracy_of_{label}": float(right[label] / images[label])
            for label in np.flatnonzero(images)
        },
        "num_test_images": float(images.sum()),
    }


def _save(confusion: np.ndarray, path: Path) -> None:
    path.write_text(json.dumps({"counts": confusion.tolist()}), encoding="utf-8")
