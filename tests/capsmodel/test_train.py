import numpy as np
import pytest
from keras import ops

from capsmodel import train as train_module
from capsmodel.config import configs_from_params
from capsmodel.data import load_dataset, verify
from capsmodel.train import train
from capsmodel.trainer import CapsNetTrainer

SMALL = {
    "conv_filters": 8,
    "primary_channels": 2,
    "decoder_widths": [16],
    "epochs": 3,
    "batch_size": 32,
    "num_samples": 80,
    "augmentation": "shift+cutout",
    "decoder_dropout": 0.2,
    "precision": "float32",
}
TIMES = ("epoch_seconds", "images_per_second")


def without_times(metrics):
    return {name: value for name, value in metrics.items() if name not in TIMES}


def test_a_trial_stopped_after_every_epoch_ends_at_the_same_numbers(make_trial):
    uninterrupted = make_trial("uninterrupted")
    expected = train(SMALL, uninterrupted)
    interrupted = make_trial("interrupted")
    for epoch in (1, 2, 3):  # stopped between report and checkpoint: the epoch is trained again
        interrupted.stop_after = epoch
        with pytest.raises(make_trial.interruption):
            train(SMALL, interrupted)
    interrupted.stop_after = None
    assert without_times(train(SMALL, interrupted)) == without_times(expected)
    for epoch in (1, 2, 3):
        assert without_times(interrupted.reports[epoch]) == without_times(uninterrupted.reports[epoch])


def test_a_finished_trial_ends_at_once(make_trial, monkeypatch):
    trial = make_trial()
    params = {**SMALL, "epochs": 1}
    metrics = train(params, trial)
    monkeypatch.setattr(train_module, "build_capsnet", None)
    trial.stop_after = 1  # would raise
    assert train(params, trial) == metrics


def test_what_is_reported_and_returned_without_the_test_images(make_trial, monkeypatch):
    def load_without_test(*args):
        return load_dataset(*args)._replace(x_test=None, y_test=None)

    monkeypatch.setattr(train_module, "load_dataset", load_without_test)
    trial = make_trial()
    metrics = train({**SMALL, "epochs": 2}, trial)
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
    assert trial.notes["precision"] == "float32 (as the study says)"


def test_epoch_e_is_trained_at_the_learning_rate_times_the_decay_to_the_e(make_trial, monkeypatch):
    used = []
    fit = CapsNetTrainer.fit

    def watched_fit(self, *args, **kwargs):
        used.append(float(self.optimizer.learning_rate))
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(CapsNetTrainer, "fit", watched_fit)
    trial = make_trial()
    train({**SMALL, "epochs": 4, "learning_rate": 0.003, "lr_decay": 0.93}, trial)
    exact = [0.003 * 0.93**epoch for epoch in range(4)]
    assert [trial.reports[epoch + 1]["learning_rate"] for epoch in range(4)] == exact
    assert used == [float(np.float32(rate)) for rate in exact]


def test_the_seed_decides_initial_weights_and_augmentation():
    dataset = load_dataset("digits")
    network_config, config = configs_from_params(SMALL, dataset.input_shape, dataset.num_classes)
    first, same, other = (
        train_module._build_trainer(network_config, config, dataset, "float32", seed) for seed in (1, 1, 2)
    )
    indices = np.arange(9)
    for training in (False, True):  # of the initial weights alone; of augmentation and dropout too
        losses = [
            ops.convert_to_numpy(trainer(indices, training=training)["reconstruction_loss"])
            for trainer in (first, same, other)
        ]
        np.testing.assert_array_equal(losses[0], losses[1])
        assert not np.array_equal(losses[0], losses[2])


@pytest.mark.parametrize(
    ("accuracies", "finished"),
    [
        ([], False),
        ([0.5, 0.6, 0.55], False),
        ([0.5, 0.6, 0.6, 0.55], True),
        ([0.1] * 2, False),
        ([0.1] * 9, True),
    ],
)
def test_early_stopping_waits_for_patience_epochs(accuracies, finished):
    config = train_module.TrainConfig(epochs=9, early_stopping_patience=2)
    history = [{"val_accuracy": accuracy} for accuracy in accuracies]
    assert train_module._is_finished(history, config) is finished


def test_a_loss_that_is_no_number_ends_the_trial(make_trial):
    trial = make_trial()
    with pytest.raises(FloatingPointError, match=r"training loss of epoch 1 is nan.*lower `learning_rate`"):
        train({**SMALL, "learning_rate": 1e30}, trial)
    assert trial.reports == {}


def test_params_are_checked_before_anything_is_built(make_trial, monkeypatch):
    monkeypatch.setattr(train_module, "build_capsnet", None)
    with pytest.raises(ValueError, match="unknown params: depth"):
        train({"depth": 3}, make_trial())


def test_kmnist_npz_is_trained_on(make_trial, kmnist_npz):
    trial = make_trial(dataset=kmnist_npz.name, data_dir=kmnist_npz.parent)
    metrics = train({**SMALL, "epochs": 1, "validation_fraction": 0.01}, trial)
    assert metrics["val_loss"] < 1


def test_a_small_network_learns_the_digits(make_trial):
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
