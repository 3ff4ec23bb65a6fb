"""The train function of the capsule network, which a study names as `capsmodel.train:train`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from capsmodel.config import TrainConfig, configs_from_params
from capsmodel.data import load_dataset, split_validation, stratified_order
from capsmodel.training.epochs import train_epochs
from capsmodel.training.pictures import save_pictures
from capsmodel.trial import Trial

SPLIT_SEED = 0  # the same for all trials of a study, so that they are validated on the same images
NUM_PICTURED = 20  # validation images in reconstructions.png
WEIGHTS = "capsnet.weights.h5"


def train(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Train a capsule network, and validate it on images that are held out of the training data.

    A trial that was interrupted is resumed from its last checkpoint. The test images are not used.

    The function writes images of some validation images to the trial's folder (see
    `capsmodel.training.pictures.save_pictures`), and the trained weights as capsnet.weights.h5. A network
    that `build_capsnet` builds from the same configuration can load them with `load_weights`.

    Args:
        params: Fields of CapsNetConfig and TrainConfig by name, other than `input_shape` and `num_classes`.
        trial: The trial.

    Returns:
        The metrics of the last epoch, which is earlier than `epochs` if early stopping applies:
        loss, accuracy, margin_loss and reconstruction_loss with the prefixes train_ and val_;
        learning_rate; epoch_seconds and images_per_second of training; and epochs_trained.

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
    """Return `num_samples` of the indices, in which the classes keep their proportions.

    Args:
        training: The indices to choose from.
        labels: The labels of all training images.
        config: The configuration with `num_samples`; all indices are returned if it is None.
    """
    if config.num_samples is None:
        return training
    chosen = stratified_order(labels[training], SPLIT_SEED)[: config.num_samples]
    return np.asarray(training[chosen])
