"""The train function of the capsule network. A study names it as `capsmodel.train:train`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from capsmodel.config import TrainConfig, configs_from_params
from capsmodel.data import load_dataset, split_validation, stratified_order
from capsmodel.training.epochs import train_epochs
from capsmodel.training.pictures import save_pictures
from capsmodel.trial import Trial

SPLIT_SEED = 0  # a constant, so that all trials of a study are validated on the same images
NUM_PICTURED = 20  # the number of validation images in reconstructions.png
WEIGHTS = "capsnet.weights.h5"


def train(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Train a capsule network, and validate it on images that are held out of the training data.

    A trial that was interrupted is resumed from its last checkpoint. The test images are not used.

    The function writes pictures of some validation images (see `capsmodel.training.pictures.save_pictures`)
    and the trained weights, capsnet.weights.h5, to the trial's folder. The model `training` of a network that
    `build_capsnet` builds from the same configuration can load the weights with `load_weights`.

    Args:
        params: Fields of CapsNetConfig and TrainConfig by name, other than `input_shape` and `num_classes`.
        trial: The trial.

    Returns:
        The metrics of the last trained epoch: loss, accuracy, margin_loss and reconstruction_loss, each
        with the prefixes train_ and val_; learning_rate; epoch_seconds and images_per_second of the
        training; and epochs_trained, which may be less than `epochs` because of early stopping.

    Raises:
        ValueError: If a hyperparameter is unknown or out of range.
        DataError: If the data set is missing, damaged or unsuitable.
        FloatingPointError: If the training loss is not finite.
    """
    dataset = load_dataset(trial.dataset, trial.data_dir)
    network_config, config = configs_from_params(params, dataset.input_shape, dataset.num_classes)
    training, validation = _split(dataset.y_train, config)
    trained = train_epochs(network_config, config, dataset, trial, training, validation)
    pictured = validation[stratified_order(dataset.y_train[validation], SPLIT_SEED)[:NUM_PICTURED]]
    save_pictures(trained.capsnet, dataset.x_train[pictured], trial.folder)
    trained.capsnet.training.save_weights(trial.folder / WEIGHTS)
    return trained.history[-1]


def _split(labels: np.ndarray, config: TrainConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the images for training and of those for validation."""
    training, validation = split_validation(labels, config.validation_fraction, SPLIT_SEED)
    return limit_samples(training, labels, config), validation


def limit_samples(training: np.ndarray, labels: np.ndarray, config: TrainConfig) -> np.ndarray:
    """Select `num_samples` of the indices, in which the classes keep their proportions.

    Args:
        training: The indices to select from.
        labels: The labels of all training images.
        config: The configuration of the training. If its `num_samples` is None, all indices are selected.

    Returns:
        The selected indices.
    """
    if config.num_samples is None:
        return training
    chosen = stratified_order(labels[training], SPLIT_SEED)[: config.num_samples]
    return np.asarray(training[chosen])
