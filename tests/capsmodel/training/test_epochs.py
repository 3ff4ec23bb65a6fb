import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.config import TrainConfig, configs_from_params
from capsmodel.data import load_dataset
from capsmodel.network.model import build_capsnet
from capsmodel.training.epochs import build_trainer, is_finished, train_epochs
from capsmodel.training.trainer import CapsNetTrainer


def test_learning_rate_decays_by_constant_factor_per_epoch(make_trial, small_params, monkeypatch):
    used = []
    fit = CapsNetTrainer.fit

    def recording_fit(self, *args, **kwargs):
        used.append(float(self.optimizer.learning_rate))
        return fit(self, *args, **kwargs)

    dataset = load_dataset("digits")
    params = {**small_params, "epochs": 4, "learning_rate": 0.003, "lr_decay": 0.93}
    configs = configs_from_params(params, dataset.input_shape, dataset.num_classes)
    monkeypatch.setattr(CapsNetTrainer, "fit", recording_fit)
    trial = make_trial()
    train_epochs(*configs, dataset, trial, np.arange(70), None)
    exact = [0.003 * 0.93**epoch for epoch in range(4)]
    assert [trial.reports[epoch + 1]["learning_rate"] for epoch in range(4)] == exact
    assert used == [float(np.float32(rate)) for rate in exact]


def test_seed_determines_initial_weights_and_augmentation(small_params):
    dataset = load_dataset("digits")
    network_config, config = configs_from_params(small_params, dataset.input_shape, dataset.num_classes)

    def seeded(seed):
        keras.utils.set_random_seed(seed)
        return build_trainer(build_capsnet(network_config), config, dataset, seed)

    first, same, other = (seeded(seed) for seed in (1, 1, 2))
    indices = np.arange(9)
    for training in (False, True):  # False: initial weights only; True: also augmentation and dropout
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
def test_early_stopping_applies_after_patience_epochs_without_improvement(accuracies, finished):
    config = TrainConfig(epochs=9, early_stopping_patience=2)
    history = [{"val_accuracy": accuracy} for accuracy in accuracies]
    assert is_finished(history, config) is finished
