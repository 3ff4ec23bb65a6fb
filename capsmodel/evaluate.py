"""The evaluate function of the capsule network. A study names it as `capsmodel.evaluate:evaluate`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from capsmodel.config import configs_from_params
from capsmodel.data import load_dataset
from capsmodel.network.model import CapsNet
from capsmodel.train import limit_samples
from capsmodel.training.batches import batched
from capsmodel.training.epochs import train_epochs
from capsmodel.trial import Trial


def evaluate(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Retrain a configuration on all training images, including those for validation, and test it.

    There is no early stopping, because it requires validation images. The function writes the confusion
    matrix, `counts[label][predicted]`, to confusion.json in the trial's folder, and records it as the note
    "confusion" for the report.

    Args:
        params: As for `capsmodel.train.train`.
        trial: The trial. A configuration is tested with several seeds, and each is the seed of one trial.

    Returns:
        The metrics of the last epoch of training; test_accuracy; test_accuracy_of_0, test_accuracy_of_1 and
        so on for each class that has test images; and num_test_images.

    Raises:
        ValueError: If a hyperparameter is unknown or out of range.
        DataError: If the data set is missing, damaged or unsuitable.
        FloatingPointError: If the training loss is not finite.
    """
    dataset = load_dataset(trial.dataset, trial.data_dir)
    network_config, config = configs_from_params(params, dataset.input_shape, dataset.num_classes)
    config = replace(config, early_stopping_patience=None)
    training = limit_samples(np.arange(len(dataset.y_train)), dataset.y_train, config)
    trained = train_epochs(network_config, config, dataset, trial, training, validation=None)
    predicted = classify(trained.capsnet, dataset.x_test, config.batch_size)
    confusion = count_confusion(dataset.y_test, predicted, dataset.num_classes)
    _save(confusion, trial.folder / "confusion.json")
    trial.note("confusion", json.dumps(confusion.tolist()))
    return {**trained.history[-1], **accuracies(confusion)}


def classify(capsnet: CapsNet, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Predict the class of each image, which is the class of the longest capsule.

    Args:
        capsnet: The trained network.
        images: uint8, (num_images, height, width, channels).
        batch_size: The number of images in a batch.

    Returns:
        The predicted classes, integers, (num_images,).
    """
    lengths, _ = capsnet.prediction.predict(batched(images / np.float32(255), batch_size), verbose=0)
    return np.asarray(lengths.argmax(axis=1))


def count_confusion(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Compute the confusion matrix.

    Args:
        labels: The labels of the images, (num_images,).
        predicted: The predicted classes of the images, (num_images,).
        num_classes: The number of classes.

    Returns:
        The number of images by label and predicted class, integers, (num_classes, num_classes).
    """
    counts = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def accuracies(confusion: np.ndarray) -> dict[str, float]:
    """Compute the accuracy on all test images and on those of each class.

    Args:
        confusion: The confusion matrix from `count_confusion`.

    Returns:
        test_accuracy, test_accuracy_of_LABEL for each label that has images, and num_test_images.
    """
    num_images = confusion.sum(axis=1)
    num_correct = confusion.diagonal()
    return {
        "test_accuracy": float(num_correct.sum() / num_images.sum()),
        **{
            f"test_accuracy_of_{label}": float(num_correct[label] / num_images[label])
            for label in np.flatnonzero(num_images)
        },
        "num_test_images": float(num_images.sum()),
    }


def _save(confusion: np.ndarray, path: Path) -> None:
    path.write_text(json.dumps({"counts": confusion.tolist()}), encoding="utf-8")
