import subprocess
import sys

import pytest

from capsmodel.config import CapsNetConfig, TrainConfig, check, configs_from_params

STUDY_PARAMS = {
    "routing_iterations": 2,
    "batch_size": 64,
    "lr_decay": 0.95,
    "decoder_coefficient": 0.784,
    "augmentation": "shift+cutout",
    "epochs": 3,
    "learning_rate": 0.002,
}


def test_params_are_assigned_to_their_configurations():
    network, training = configs_from_params(STUDY_PARAMS, (28, 28, 1), 10)
    assert network == CapsNetConfig(routing_iterations=2)
    assert training == TrainConfig(3, 64, 0.002, 0.95, 0.784, "shift+cutout")


def test_empty_params_give_default_configurations():
    assert configs_from_params({}, (28, 28, 1), 10) == (CapsNetConfig(), TrainConfig())


def test_list_is_converted_to_tuple():
    network, _ = configs_from_params({"decoder_widths": [32, 64]}, (28, 28, 1), 10)
    assert network.decoder_widths == (32, 64)


def test_unknown_params_raise_error_with_valid_names():
    with pytest.raises(
        ValueError, match=r"unknown hyperparameters: batchsize, depth; valid names are: .*batch_size"
    ):
        configs_from_params({"depth": 1, "batchsize": 2}, (28, 28, 1), 10)


def test_data_set_properties_are_rejected_as_hyperparameters():
    with pytest.raises(ValueError, match="unknown hyperparameters: num_classes"):
        configs_from_params({"num_classes": 3}, (28, 28, 1), 10)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("routing_iterations", 0, "whole number of at least 1, but got 0"),
        ("routing_iterations", 2.0, "whole number of at least 1, but got 2.0"),
        ("batch_size", True, "whole number of at least 1, but got True"),
        ("epochs", "3", "whole number of at least 1, but got '3'"),
        ("learning_rate", 0, r"learning_rate > 0` must hold, but got 0"),
        ("learning_rate", "fast", "must be a number, but got 'fast'"),
        ("learning_rate", float("nan"), "learning_rate > 0` must hold, but got nan"),
        ("lr_decay", 1.5, r"0 < lr_decay <= 1` must hold, but got 1.5"),
        ("decoder_coefficient", -1, r"decoder_coefficient >= 0` must hold, but got -1"),
        ("augmentation", "flip", r"one of none, shift, cutout, shift\+cutout, but got 'flip'"),
        ("validation_fraction", 0, r"0 < validation_fraction < 1` must hold, but got 0"),
        ("precision", "float16", "one of auto, float32, mixed_bfloat16, but got 'float16'"),
        ("early_stopping_patience", 0, "whole number of at least 1, but got 0"),
        ("num_samples", -5, "whole number of at least 1, but got -5"),
        ("decoder_dropout", 1.0, r"0 <= decoder_dropout < 1` must hold, but got 1.0"),
        ("decoder_widths", 512, "list of whole numbers, but got 512"),
        ("decoder_widths", [512, 0], "whole number of at least 1, but got 0"),
        ("initial_votes", "glorot", "one of scaled, glorot_4d, but got 'glorot'"),
    ],
)
def test_invalid_value_raises_error_with_rule_and_value(name, value, rule):
    with pytest.raises(ValueError, match=rule) as raised:
        configs_from_params({name: value}, (28, 28, 1), 10)
    assert name in str(raised.value)


def test_images_too_small_for_both_convolutions_are_rejected():
    assert CapsNetConfig(input_shape=(17, 17, 1))
    with pytest.raises(ValueError, match="height` must be a whole number of at least 17, but got 16"):
        CapsNetConfig(input_shape=(16, 17, 1))
    with pytest.raises(ValueError, match=r"must be \(height, width, channels\), but got \(28, 28\)"):
        CapsNetConfig(input_shape=(28, 28))


def test_config_and_data_do_not_import_keras():
    code = (
        "import sys, capsmodel.config, capsmodel.data; "
        "print(*({'keras', 'tensorflow', 'jax', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []


@pytest.mark.parametrize(
    ("params", "message"),
    [({"epochs": 0}, "`epochs` must be a whole number"), ({"epoch": 1}, "unknown hyperparameters: epoch")],
)
def test_check_rejects_wrong_hyperparameters(params: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(params)
    check({"epochs": 1})
