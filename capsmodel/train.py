"""`train`: the function a study names. It trains one capsule network and resumes where it was stopped."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from capsmodel.config import TrainConfig, configs_from_params
from capsmodel.data import load_dataset, split_validation, stratified_order
from capsmodel.epochs import train_epochs
from capsmodel.pictures import save_pictures
from capsmodel.trial import Trial

SPLIT_SEED = 0  # all trials of a study are judged on the same validation images
NUM_PICTURED = 20  # validation images
WEIGHTS = "capsnet.weights.h5"


def train(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Train a capsule network, and measure it on images held out of the training data.

    See `epochs.train_epochs`. The test images are not used. Pictures of some validation images go into the
    trial's folder, see `pictures.save_pictures`, and so do the trained weights, as capsnet.weights.h5: for
    `load_weights` of a network that `build_capsnet` makes of the same config.

    Args:
        params: names of CapsNetConfig and TrainConfig, other than `input_shape` and `num_classes`.
        trial: see Trial.

    Returns:
        The metrics of the last epoch, which early stopping may have brought forward: train_ and val_
        loss, accuracy, margin_loss and reconstruction_loss; learning_rate; epoch_seconds and
        images_per_second of training; epochs_trained.

    Raises:
        ValueError: a param is unknown or out of range.
        DataError: the data set is missing, damaged or unfit.
        FloatingPointError: the loss is no longer a number.
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
    """Indices of the images to train on and to validate on."""
    training, validation = split_validation(labels, config.validation_fraction, SPLIT_SEED)
    return slice_of(training, labels, config), validation


def slice_of(training: np.ndarray, labels: np.ndarray, config: TrainConfig) -> np.ndarray:
    """Of these indices as many as `num_samples` asks for, the classes in their proportions."""
    if config.num_samples is None:
        return training
    return training[stratified_order(labels[training], SPLIT_SEED)[: config.num_samples]]
