import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.network.routing import capsule_lengths, route_by_agreement, squash


def paper_squash(vectors):
    """Compute squash with equation 1 of the paper."""
    squared_norm = np.square(vectors).sum(axis=-1, keepdims=True)
    return squared_norm / (1 + squared_norm) * vectors / np.sqrt(squared_norm)


def paper_routing(capsules, transformation, iterations):
    """Compute routing with equations 2 and 3 and procedure 1 of the paper, with explicit votes and loops."""
    num_classes, _, num_capsules, _ = transformation.shape
    routed = []
    for image in capsules:
        votes = np.array(
            [[image[i] @ transformation[j, :, i] for j in range(num_classes)] for i in range(num_capsules)]
        )  # û, (num_capsules, num_classes, class_capsule_dim)
        logits = np.zeros((num_capsules, num_classes))  # b
        for _ in range(iterations):
            coupling = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)  # c
            class_capsules = paper_squash((coupling[:, :, None] * votes).sum(axis=0))  # v
            logits = logits + (votes * class_capsules).sum(axis=-1)
        routed.append(class_capsules)
    return np.array(routed)


@pytest.fixture
def routed_input():
    generator = np.random.default_rng(1)
    capsules = generator.normal(size=(4, 7, 3)).astype("float32")  # (batch, num_capsules, capsule_dim)
    transformation = generator.normal(size=(5, 3, 7, 6)).astype("float32")
    return capsules, transformation


def gradient(function, array):
    """Compute the gradient of the sum of function(array) with the backend of Keras."""

    class Probe(keras.Model):
        def __init__(self):
            super().__init__()
            self.probe = self.add_weight(shape=array.shape, initializer=lambda *_, **__: ops.array(array))

        def call(self, unused):
            return ops.sum(function(ops.convert_to_tensor(self.probe)))

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return y_pred

    model = Probe()
    model.compile(keras.optimizers.SGD(1.0))
    model.train_on_batch(np.zeros((1, 1)))
    return array - np.asarray(model.probe)


def test_squash_equals_equation_1():
    vectors = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    np.testing.assert_allclose(squash(vectors), paper_squash(vectors), rtol=1e-5)


def test_squash_keeps_directions_and_lengths_below_one():
    squashed = ops.convert_to_numpy(
        squash(np.array([[3000.0, 4000.0], [0.003, 0.004], [0.0, 0.0]], "float32"))
    )
    np.testing.assert_allclose(squashed[0], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(squashed[1], [0.6 * 25e-6, 0.8 * 25e-6], rtol=0.01)
    np.testing.assert_array_equal(squashed[2], 0)


def test_capsule_lengths_are_norms():
    np.testing.assert_allclose(capsule_lengths(np.array([[3.0, 4.0], [0.0, 0.0]])), [5, 0], atol=1e-8)


@pytest.mark.parametrize("function", [squash, capsule_lengths])
def test_gradient_is_zero_at_zero_vector(function):
    np.testing.assert_array_equal(gradient(function, np.zeros((2, 3), "float32")), 0)


@pytest.mark.parametrize("iterations", [1, 2, 3, 5])
def test_routing_equals_procedure_1(routed_input, iterations):
    expected = paper_routing(*routed_input, iterations)
    np.testing.assert_allclose(route_by_agreement(*routed_input, iterations), expected, atol=2e-6)


def test_routing_selects_class_whose_votes_agree():
    generator = np.random.default_rng(2)
    capsules = np.ones((1, 50, 1), "float32")
    transformation = generator.normal(size=(2, 1, 50, 8)).astype("float32")  # class 0: scattered votes
    transformation[1] = transformation[1, :, :1]  # class 1: identical votes
    once, thrice = (
        ops.convert_to_numpy(capsule_lengths(route_by_agreement(capsules, transformation, iterations)))[0]
        for iterations in (1, 3)
    )
    assert thrice[1] > once[1]
    assert thrice[0] < once[0]


def test_routing_gradient_is_zero_at_zero_capsules(routed_input):
    capsules, transformation = routed_input
    moved = gradient(lambda weights: route_by_agreement(0 * capsules, weights, 3), transformation)
    np.testing.assert_array_equal(moved, 0)


def test_routing_gradient_equals_finite_differences(routed_input):
    capsules, transformation = routed_input
    moved = gradient(lambda weights: route_by_agreement(capsules, weights, 3), transformation)
    direction = np.random.default_rng(3).normal(size=transformation.shape)
    ahead, behind = (
        paper_routing(capsules.astype(float), transformation + step * direction, 3).sum()
        for step in (1e-5, -1e-5)
    )
    np.testing.assert_allclose((moved * direction).sum(), (ahead - behind) / 2e-5, rtol=1e-4)


def test_routing_of_bfloat16_capsules_returns_float32(routed_input):
    capsules, transformation = (ops.cast(array, "bfloat16") for array in routed_input)
    routed = route_by_agreement(capsules, transformation, 3)
    assert keras.backend.standardize_dtype(routed.dtype) == "float32"
    np.testing.assert_allclose(routed, paper_routing(*routed_input, 3), atol=0.05)
