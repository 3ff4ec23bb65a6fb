import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.network.layers import CapsuleLengths, CapsuleMask, ClassCapsules, PrimaryCapsules
from capsmodel.network.routing import route_by_agreement, squash

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.normal(size=(2, 8, 9, 3)).astype("float32")
CAPSULES = GENERATOR.normal(size=(2, 4, 3)).astype("float32")
LAYERS = [
    (PrimaryCapsules(2, 4, kernel_size=3, strides=2), FEATURES, (2, 3 * 4 * 2, 4)),
    (ClassCapsules(5, 6, routing_iterations=2, initial_votes="glorot_4d"), CAPSULES, (2, 5, 6)),
    (CapsuleLengths(), CAPSULES, (2, 4)),
    (CapsuleMask(), CAPSULES, (2, 4 * 3)),
]


@pytest.mark.parametrize(
    ("layer", "inputs", "output_shape"), LAYERS, ids=["primary", "class", "lengths", "mask"]
)
def test_layer_has_expected_output_shape_and_complete_config(layer, inputs, output_shape):
    outputs = ops.convert_to_numpy(layer(inputs))
    assert outputs.shape == output_shape
    assert tuple(layer(keras.Input(inputs.shape[1:])).shape) == (None, *output_shape[1:])
    assert tuple(layer.compute_output_shape(inputs.shape)) == output_shape
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(inputs)), outputs)


def test_primary_capsules_are_squashed_features_of_their_position():
    layer = PrimaryCapsules(2, 4, kernel_size=3, strides=2)
    capsules = ops.convert_to_numpy(layer(FEATURES))
    kernel, bias = layer.get_weights()
    patch = FEATURES[1, 2:5, 4:7]  # the patch at row 1 and column 2 of 3 × 4 positions
    convolved = np.tensordot(patch, kernel, axes=3) + bias  # (channels × capsule_dim,)
    position = 1 * 4 + 2
    expected = ops.convert_to_numpy(squash(convolved.reshape(2, 4)))
    np.testing.assert_allclose(capsules[1, 2 * position : 2 * position + 2], expected, rtol=1e-4, atol=1e-6)


def test_class_capsules_equal_result_of_routing_function():
    layer = ClassCapsules(5, 6, routing_iterations=3)
    routed = ops.convert_to_numpy(layer(CAPSULES))
    expected = route_by_agreement(CAPSULES, layer.transformation.value, 3)
    np.testing.assert_array_equal(routed, ops.convert_to_numpy(expected))


@pytest.mark.parametrize(
    ("initial_votes", "limit"),
    [("scaled", 10 * np.sqrt(3 / (1152 * 16))), ("glorot_4d", np.sqrt(6 / ((8 + 16) * 10 * 1152)))],
)
def test_initial_votes_select_scale_of_weights(initial_votes, limit):
    layer = ClassCapsules(10, 16, initial_votes=initial_votes)
    layer.build((None, 1152, 8))
    (weights,) = layer.get_weights()
    assert np.abs(weights).max() == pytest.approx(limit, rel=1e-3)
    assert layer.count_params() == 10 * 1152 * 16 * 8


@pytest.mark.parametrize("num_classes", [3, 49])
def test_scaled_class_capsules_are_initially_as_long_as_primary_capsules(num_classes):
    capsules = GENERATOR.normal(size=(64, 200, 8)).astype("float32")
    layer = ClassCapsules(num_classes, 16, routing_iterations=1)
    squared_norm = np.square(_unsquashed(ops.convert_to_numpy(layer(capsules)))).sum(axis=-1).mean()
    assert squared_norm == pytest.approx(np.square(capsules).sum(axis=-1).mean(), rel=0.1)


def _unsquashed(vectors):
    """Invert `squash`."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths * np.sqrt(lengths / (1 - lengths))


def test_glorot_4d_scale_equals_glorot_uniform_of_keras():
    keras_weights = keras.initializers.GlorotUniform(seed=0)((10, 1152, 16, 8))
    assert float(ops.max(ops.abs(keras_weights))) == pytest.approx(0.00466, abs=1e-5)


def test_capsule_lengths_are_norms():
    np.testing.assert_allclose(CapsuleLengths()(CAPSULES), np.linalg.norm(CAPSULES, axis=-1), rtol=1e-5)


def test_mask_keeps_labelled_capsule():
    masked = CapsuleMask()(CAPSULES, labels=np.array([3, 0]))
    expected = np.zeros_like(CAPSULES)
    expected[0, 3], expected[1, 0] = CAPSULES[0, 3], CAPSULES[1, 0]
    np.testing.assert_array_equal(masked, expected.reshape(2, 12))


def test_mask_keeps_longest_capsule_without_labels():
    longest = np.linalg.norm(CAPSULES, axis=-1).argmax(axis=1)
    np.testing.assert_array_equal(CapsuleMask()(CAPSULES), CapsuleMask()(CAPSULES, labels=longest))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"routing_iterations": 0}, "routing_iterations >= 1` must hold, but got 0"),
        ({"initial_votes": "glorot"}, "one of scaled, glorot_4d, but got 'glorot'"),
    ],
)
def test_class_capsules_reject_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClassCapsules(10, 16, **arguments)
