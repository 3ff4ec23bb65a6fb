"""Train a network epoch by epoch, with a report and a checkpoint after each epoch."""

import math
import time
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from capsmodel.config import CapsNetConfig, TrainConfig
from capsmodel.data import Dataset
from capsmodel.network.model import CapsNet, build_capsnet
from capsmodel.training.batches import batched
from capsmodel.training.checkpoint import load_checkpoint, save_checkpoint
from capsmodel.training.precision import choose_precision
from capsmodel.training.trainer import CapsNetTrainer
from capsmodel.trial import Trial


class Trained(NamedTuple):
    """A network after its last epoch.

    Attributes:
        capsnet: The network.
        history: The metrics of each epoch.
    """

    capsnet: CapsNet
    history: list[dict[str, float]]


def train_epochs(
    network_config: CapsNetConfig,
    config: TrainConfig,
    dataset: Dataset,
    trial: Trial,
    training: np.ndarray,
    validation: np.ndarray | None,
) -> Trained:
    """Train a network from scratch or from the trial's newest checkpoint, until `is_finished`.

    Each epoch is trained, validated, reported and saved, in this order. A resumed trial reaches the same
    metrics as an uninterrupted one. They agree bit for bit on the same machine with the same number of
    threads.

    Args:
        network_config: The configuration of the network.
        config: The configuration of the training.
        dataset: The data set. Its test images are not used.
        trial: The trial, which receives the metrics of each epoch and notes on their origin.
        training: The indices of the training images to train on.
        validation: The indices of the training images to validate on. If it is None, no validation
            metrics are computed; `config` must then have no early stopping.

    Returns:
        The trained network and the metrics of each epoch.

    Raises:
        FloatingPointError: If the training loss is not finite.
    """
    precision = choose_precision(config.precision, trial.checkpoint_dir)
    trial.note("data_sha256", dataset.sha256)
    trial.note("keras_backend", f"{keras.backend.backend()}, keras {keras.__version__}")
    trial.note("precision", f"{precision.policy} ({precision.reason})")
    trial.note("device", str(ops.convert_to_tensor(0.0).device))  # the device that training uses

    keras.utils.set_random_seed(trial.seed)  # for initial weights and dropout
    capsnet = build_capsnet(network_config, precision.policy)
    trainer = build_trainer(capsnet, config, dataset, trial.seed)
    history: list[dict[str, float]] = []
    if checkpoint := load_checkpoint(trial.checkpoint_dir):
        history = checkpoint.history
        for variable, array in zip(trainer.state, checkpoint.arrays, strict=True):
            variable.assign(array)
    while not is_finished(history, config):
        epoch = len(history)  # counted from 0
        order = np.random.default_rng((trial.seed, epoch)).permutation(training)
        metrics = _train_epoch(trainer, config, epoch, order, validation)
        if not math.isfinite(metrics["train_loss"]):
            raise FloatingPointError(
                f"the training loss of epoch {epoch + 1} is {metrics['train_loss']}; expected a finite "
                f"number; lower `learning_rate`, which is {config.learning_rate}"
            )
        history.append(metrics)
        trial.report(epoch + 1, metrics)
        save_checkpoint(
            trial.checkpoint_dir, history, [ops.convert_to_numpy(variable) for variable in trainer.state]
        )
    return Trained(capsnet, history)


def build_trainer(capsnet: CapsNet, config: TrainConfig, dataset: Dataset, seed: int) -> CapsNetTrainer:
    """Build a trainer whose variables all exist, so that the arrays of a checkpoint can be assigned to them.

    Args:
        capsnet: The network to train.
        config: The configuration of the training.
        dataset: The data set. Its test images are not used.
        seed: The seed of the augmentation.
    """
    trainer = CapsNetTrainer(
        capsnet.training,
        dataset.x_train,
        dataset.y_train,
        config.decoder_coefficient,
        config.augmentation,
        seed,
    )
    trainer.compile(keras.optimizers.Adam(config.learning_rate))
    trainer.optimizer.build(capsnet.training.trainable_variables)
    return trainer


def is_finished(history: list[dict[str, float]], config: TrainConfig) -> bool:
    """Return whether all epochs are trained or early stopping applies.

    Args:
        history: The metrics of each epoch so far.
        config: The configuration of the training.
    """
    if len(history) >= config.epochs:
        return True
    if config.early_stopping_patience is None or not history:
        return False
    accuracies = [metrics["val_accuracy"] for metrics in history]
    best_epoch = accuracies.index(max(accuracies))
    return len(history) - 1 - best_epoch >= config.early_stopping_patience


def _train_epoch(
    trainer: CapsNetTrainer, config: TrainConfig, epoch: int, order: np.ndarray, validation: np.ndarray | None
) -> dict[str, float]:
    """Train on the images in this order, validate, and return the metrics of the epoch."""
    learning_rate = config.learning_rate * config.lr_decay**epoch
    trainer.optimizer.learning_rate = learning_rate
    started = time.perf_counter()
    trained = trainer.fit(batched(order, config.batch_size), shuffle=False, verbose=0).history
    epoch_seconds = time.perf_counter() - started
    validated: dict[str, float] = {}
    if validation is not None:
        validated = trainer.evaluate(batched(validation, config.batch_size), verbose=0, return_dict=True)
    return {
        **{f"train_{name}": float(value) for name, (value,) in trained.items()},
        **{f"val_{name}": float(value) for name, value in validated.items()},
        "learning_rate": learning_rate,
        "epoch_seconds": epoch_seconds,
        "images_per_second": len(order) / epoch_seconds,
        "epochs_trained": epoch + 1,
    }
