"""Tests that files of earlier versions can be read.

`trial_folder` was written before `capsmodel` was divided into subpackages. It contains the weights after two
epochs and the checkpoint after the first one.
"""

import shutil
from pathlib import Path

import keras
import pytest

from capsmodel.config import configs_from_params
from capsmodel.data import load_dataset, split_validation
from capsmodel.network.im2col import StridedConvolution
from capsmodel.network.layers import CapsuleLengths, CapsuleMask, ClassCapsules, PrimaryCapsules
from capsmodel.network.model import build_capsnet
from capsmodel.train import SPLIT_SEED, train
from capsmodel.training.batches import batched
from capsmodel.training.epochs import build_trainer

TRIAL_FOLDER = Path(__file__).parent / "trial_folder"
PARAMS = {
    "conv_filters": 4,
    "primary_channels": 2,
    "primary_capsule_dim": 2,
    "class_capsule_dim": 2,
    "decoder_widths": [4],
    "epochs": 2,
    "batch_size": 16,
    "num_samples": 800,
    "learning_rate": 0.003,
    "precision": "float32",
}
EXPECTED = {  # the validation metrics after the second epoch
    "accuracy": 0.75,
    "loss": 0.2917594909667969,
    "margin_loss": 0.2647462785243988,
    "reconstruction_loss": 0.06891125440597534,
}


def test_weights_of_earlier_version_reproduce_metrics():
    dataset = load_dataset("digits")
    network_config, config = configs_from_params(PARAMS, dataset.input_shape, dataset.num_classes)
    capsnet = build_capsnet(network_config)
    capsnet.training.load_weights(TRIAL_FOLDER / "capsnet.weights.h5")
    trainer = build_trainer(capsnet, config, dataset, seed=3)
    _, validation = split_validation(dataset.y_train, config.validation_fraction, SPLIT_SEED)
    metrics = trainer.evaluate(batched(validation, 16), verbose=0, return_dict=True)
    assert metrics == pytest.approx(EXPECTED, rel=1e-4)


def test_checkpoint_of_earlier_version_is_resumed(make_trial):
    trial = make_trial(seed=3)
    shutil.copytree(TRIAL_FOLDER / "checkpoints", trial.checkpoint_dir, dirs_exist_ok=True)
    metrics = train(PARAMS, trial)
    assert list(trial.reports) == [2]
    assert metrics["val_loss"] == pytest.approx(EXPECTED["loss"], rel=1e-3)


@pytest.mark.parametrize(
    "layer_class", [StridedConvolution, PrimaryCapsules, ClassCapsules, CapsuleLengths, CapsuleMask]
)
def test_layers_keep_registered_names_of_earlier_version(layer_class):
    assert keras.saving.get_registered_name(layer_class) == f"capsmodel>{layer_class.__name__}"
