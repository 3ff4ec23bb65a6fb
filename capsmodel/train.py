"""`train`: the function a study names. It trains one capsule network and resumes where it was stopped."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops

from capsmodel.checkpoint import load_checkpoint, save_checkpoint
from capsmodel.config import CapsNetConfig, TrainConfig, configs_from_params
from capsmodel.data import Dataset, load_dataset, split_validation, stratified_order
from capsmodel.model import build_capsnet
from capsmodel.precision import choose_precision
from capsmodel.trainer import CapsNetTrainer

SPLIT_SEED = 0  # all trials of a study are judged on the same validation images


class Trial(Protocol):
    """What `train` needs of a trial; sweep's is one."""

    checkpoint_dir: Path  # exists
    seed: int
    dataset: str
    data_dir: Path | None

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of an epoch, counted from 1; may raise to end the trial."""

    def note(self, key: str, value: str) -> None:
        """Remember where the numbers come from."""


def train(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Train a capsule network, and measure it on images held out of the training data.

    Each epoch is trained, validated, reported, then saved. A trial that finds a checkpoint goes on from
    it, to the same numbers as if it had not been stopped (to the last bit on the same machine with the
    same number of threads); one that finds its last epoch's ends at once. The test images are not used.

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
    trial.note("data_sha256", dataset.sha256)
    trial.note("keras_backend", f"{keras.backend.backend()}, keras {keras.__version__}")
    precision = choose_precision(config.precision, trial.checkpoint_dir)
    trial.note("precision", f"{precision.policy} ({precision.reason})")
    trial.note("device", str(ops.convert_to_tensor(0.0).device))  # the one that training takes

    checkpoint = load_checkpoint(trial.checkpoint_dir)
    history = checkpoint.history if checkpoint else []
    if _is_finished(history, config):
        return history[-1]
    training, validation = _split(dataset.y_train, config)
    trainer = _build_trainer(network_config, config, dataset, precision.policy, trial.seed)
    if checkpoint:
        for variable, array in zip(trainer.state, checkpoint.arrays, strict=True):
            variable.assign(array)
    while not _is_finished(history, config):
        epoch = len(history)  # counted from 0
        order = np.random.default_rng((trial.seed, epoch)).permutation(training)
        metrics = _train_epoch(trainer, config, epoch, order, validation)
        if not math.isfinite(metrics["train_loss"]):
            raise FloatingPointError(
                f"the training loss of epoch {epoch + 1} is {metrics['train_loss']}, expected a number; "
                f"lower `learning_rate` (it is {config.learning_rate})"
            )
        history.append(metrics)
        trial.report(epoch + 1, metrics)
        save_checkpoint(trial.checkpoint_dir, history, [np.asarray(variable) for variable in trainer.state])
    return history[-1]


def _split(labels: np.ndarray, config: TrainConfig) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the images to train on and to validate on."""
    training, validation = split_validation(labels, config.validation_fraction, SPLIT_SEED)
    if config.num_samples is not None:
        training = training[stratified_order(labels[training], SPLIT_SEED)[: config.num_samples]]
    return training, validation


def _build_trainer(
    network_config: CapsNetConfig, config: TrainConfig, dataset: Dataset, policy: str, seed: int
) -> CapsNetTrainer:
    keras.utils.set_random_seed(seed)  # of the initial weights and of dropout
    network = build_capsnet(network_config, policy).training
    trainer = CapsNetTrainer(
        network, dataset.x_train, dataset.y_train, config.decoder_coefficient, config.augmentation, seed
    )
    trainer.compile(keras.optimizers.Adam(config.learning_rate))
    trainer.optimizer.build(network.trainable_variables)
    return trainer


def _train_epoch(
    trainer: CapsNetTrainer, config: TrainConfig, epoch: int, order: np.ndarray, validation: np.ndarray
) -> dict[str, float]:
    """Train on the images in this order, then validate."""
    learning_rate = config.learning_rate * config.lr_decay**epoch
    trainer.optimizer.learning_rate = learning_rate
    started = time.perf_counter()
    trained = trainer.fit(order, batch_size=config.batch_size, shuffle=False, verbose=0).history
    epoch_seconds = time.perf_counter() - started
    validated = trainer.evaluate(validation, batch_size=config.batch_size, verbose=0, return_dict=True)
    return {
        **{f"train_{name}": float(value) for name, (value,) in trained.items()},
        **{f"val_{name}": float(value) for name, value in validated.items()},
        "learning_rate": learning_rate,
        "epoch_seconds": epoch_seconds,
        "images_per_second": len(order) / epoch_seconds,
        "epochs_trained": epoch + 1,
    }


def _is_finished(history: list[dict[str, float]], config: TrainConfig) -> bool:
    if len(history) >= config.epochs:
        return True
    if config.early_stopping_patience is None or not history:
        return False
    accuracies = [metrics["val_accuracy"] for metrics in history]
    best_epoch = accuracies.index(max(accuracies))
    return len(history) - 1 - best_epoch >= config.early_stopping_patience
