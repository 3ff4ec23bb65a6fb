from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.config import CapsNetConfig
from capsmodel.network.model import build_capsnet

PIXELS = np.random.default_rng(0).random((4, 20, 22, 1)).astype("float32")


@pytest.fixture
def capsnet(small_config):
    keras.utils.set_random_seed(3)
    return build_capsnet(small_config)


def outputs(model, inputs, **arguments):
    return [ops.convert_to_numpy(output) for output in model(inputs, **arguments)]


def test_default_network_has_8215568_parameters():
    capsnet = build_capsnet(CapsNetConfig())
    assert capsnet.training.count_params() == capsnet.prediction.count_params() == 8_215_568
    assert capsnet.encoder.get_layer("primary_capsules").output.shape == (None, 1152, 8)


def test_label_affects_reconstructions_but_not_lengths(capsnet):
    lengths, reconstructions = outputs(capsnet.prediction, PIXELS)
    assert lengths.shape == (4, 3)
    assert reconstructions.shape == PIXELS.shape
    longest = np.argmax(lengths, axis=1)
    same_lengths, same_reconstructions = outputs(capsnet.training, (PIXELS, longest))
    np.testing.assert_array_equal(same_lengths, lengths)
    np.testing.assert_array_equal(same_reconstructions, reconstructions)
    _, others = outputs(capsnet.training, (PIXELS, (longest + 1) % 3))
    assert not np.array_equal(others, reconstructions)


def test_models_share_weights(capsnet):
    assert {id(weight) for weight in capsnet.training.weights} == {
        id(weight) for weight in capsnet.prediction.weights
    }


def test_decoder_reconstructs_from_masked_capsules(capsnet):
    capsules = ops.convert_to_numpy(capsnet.encoder(PIXELS))  # (4, 3, 5)
    assert np.linalg.norm(capsules, axis=-1).max() < 1
    masked = capsules * np.eye(3)[[0, 1, 2, 0]][:, :, None]
    _, reconstructions = outputs(capsnet.training, (PIXELS, np.array([0, 1, 2, 0])))
    decoded = ops.convert_to_numpy(capsnet.decoder(masked.reshape(4, 15)))
    np.testing.assert_allclose(decoded, reconstructions, atol=1e-6)


def test_loaded_network_makes_same_predictions(capsnet, tmp_path):
    for name in ("prediction", "training"):
        model = getattr(capsnet, name)
        model.save(tmp_path / f"{name}.keras")
        inputs = PIXELS if name == "prediction" else (PIXELS, np.array([0, 1, 2, 0]))
        again = keras.saving.load_model(tmp_path / f"{name}.keras")
        for expected, found in zip(outputs(model, inputs), outputs(again, inputs), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_mixed_bfloat16_keeps_weights_lengths_and_reconstructions_in_float32(small_config):
    keras.utils.set_random_seed(3)
    mixed = build_capsnet(small_config, "mixed_bfloat16")
    keras.utils.set_random_seed(3)
    exact = build_capsnet(small_config)
    assert mixed.encoder.get_layer("primary_capsules").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in mixed.training.weights} == {"float32"}
    for output, expected in zip(
        outputs(mixed.prediction, PIXELS), outputs(exact.prediction, PIXELS), strict=True
    ):
        assert output.dtype == "float32"
        np.testing.assert_allclose(output, expected, atol=0.02)


def test_dropout_affects_only_decoder_and_only_in_training(small_config):
    capsnet = build_capsnet(replace(small_config, decoder_dropout=0.5))
    inputs = (PIXELS, np.array([0, 1, 2, 0]))
    lengths, reconstructions = outputs(capsnet.training, inputs)
    same_lengths, dropped = outputs(capsnet.training, inputs, training=True)
    np.testing.assert_array_equal(same_lengths, lengths)
    assert not np.array_equal(dropped, reconstructions)
