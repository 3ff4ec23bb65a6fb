import numpy as np
import pytest

from capsmodel import train as train_module
from capsmodel.config import configs_from_params
from capsmodel.data import load_dataset, verify
from capsmodel.network.model import build_capsnet
from capsmodel.train import train
from capsmodel.training import epochs
from capsmodel.training.checkpoint import load_checkpoint

TIMES = ("epoch_seconds", "images_per_second")


def without_times(metrics):
    return {name: value for name, value in metrics.items() if name not in TIMES}


def test_trial_interrupted_after_every_epoch_reaches_same_metrics(make_trial, small_params):
    uninterrupted = make_trial("uninterrupted")
    expected = train(small_params, uninterrupted)
    interrupted = make_trial("interrupted")
    for epoch in (1, 2, 3):  # interrupted before the checkpoint, so the epoch is trained again
        interrupted.stop_after = epoch
        with pytest.raises(make_trial.interruption):
            train(small_params, interrupted)
    interrupted.stop_after = None
    assert without_times(train(small_params, interrupted)) == without_times(expected)
    for epoch in (1, 2, 3):
        assert without_times(interrupted.reports[epoch]) == without_times(uninterrupted.reports[epoch])


def test_finished_trial_writes_missing_images_without_training_again(make_trial, small_params, monkeypatch):
    trial = make_trial()
    params = {**small_params, "epochs": 1}
    metrics = train(params, trial)
    drawn = {path.name: path.read_bytes() for path in trial.folder.glob("*.png")}
    assert set(drawn) == {"reconstructions.png", "perturbations.png"}
    for name in drawn:
        (trial.folder / name).unlink()
    monkeypatch.setattr(epochs, "_train_epoch", None)
    trial.stop_after = 1  # a report would raise an error
    assert train(params, trial) == metrics
    assert {path.name: path.read_bytes() for path in trial.folder.glob("*.png")} == drawn


def test_train_reports_and_returns_metrics_without_test_images(make_trial, small_params, monkeypatch):
    def load_without_test(*args):
        return load_dataset(*args)._replace(x_test=None, y_test=None)

    monkeypatch.setattr(train_module, "load_dataset", load_without_test)
    trial = make_trial()
    metrics = train({**small_params, "epochs": 2}, trial)
    assert list(trial.reports) == [1, 2]
    assert metrics == trial.reports[2]
    quantities = ("loss", "accuracy", "margin_loss", "reconstruction_loss")
    assert set(metrics) == {
        *(f"{part}_{quantity}" for part in ("train", "val") for quantity in quantities),
        *("learning_rate", "epoch_seconds", "images_per_second", "epochs_trained"),
    }
    assert metrics["epochs_trained"] == 2
    assert all(np.isfinite(value) for value in metrics.values())
    assert set(trial.notes) == {"data_sha256", "keras_backend", "precision", "device"}
    assert trial.notes["data_sha256"] == verify("digits")
    assert trial.notes["precision"] == "float32 (set in the study)"


def test_trained_weights_are_saved_in_trial_folder(make_trial, small_params):
    trial = make_trial()
    params = {**small_params, "epochs": 1}
    train(params, trial)
    dataset = load_dataset("digits")
    config, _ = configs_from_params(params, dataset.input_shape, dataset.num_classes)
    network = build_capsnet(config).training
    network.load_weights(trial.folder / "capsnet.weights.h5")
    saved = load_checkpoint(trial.checkpoint_dir).arrays  # the network's variables come first
    for variable, array in zip(network.variables, saved, strict=False):
        if variable.trainable:  # the other variables are random states
            np.testing.assert_array_equal(variable, array)


def test_train_raises_if_loss_is_not_finite(make_trial, small_params):
    trial = make_trial()
    with pytest.raises(FloatingPointError, match=r"training loss of epoch 1 is nan.*lower `learning_rate`"):
        train({**small_params, "learning_rate": 1e30}, trial)
    assert trial.reports == {}


def test_params_are_validated_before_training(make_trial, monkeypatch):
    monkeypatch.setattr(train_module, "train_epochs", None)
    with pytest.raises(ValueError, match="unknown hyperparameters: depth"):
        train({"depth": 3}, make_trial())


def test_train_accepts_npz_file(make_trial, small_params, kmnist_npz):
    trial = make_trial(dataset=kmnist_npz.name, data_dir=kmnist_npz.parent)
    metrics = train({**small_params, "epochs": 1, "validation_fraction": 0.01}, trial)
    assert metrics["val_loss"] < 1


def test_small_network_learns_digits(make_trial):
    params = {
        "conv_filters": 16,
        "primary_channels": 4,
        "decoder_widths": [64],
        "epochs": 3,
        "batch_size": 32,
        "learning_rate": 0.003,
    }
    metrics = train(params, make_trial())
    assert metrics["val_accuracy"] > 0.8
    assert metrics["val_reconstruction_loss"] < 0.08
