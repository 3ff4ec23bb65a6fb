"""Tests that compare the whole network with the paper's equations in float64, which are in paper.py."""

from typing import NamedTuple

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import ops

from capsmodel.config import CapsNetConfig
from capsmodel.network.model import build_capsnet
from capsmodel.training.batches import batched
from capsmodel.training.trainer import CapsNetTrainer
from tests.capsmodel import paper

TOLERANCE = 4e-5  # the relative tolerance for results in float32; CPUs round sums differently, by up to 2e-5
COEFFICIENT = 0.392


class Case(NamedTuple):
    """A trainer, and its weights and images in float64 for the paper's equations.

    Attributes:
        trainer: The trainer.
        weights: The weights of the network, in the order of its layers.
        images: (batch, height, width, channels), with values from 0 to 1.
        labels: Integers, (batch,).
        routing_iterations: The number of routing iterations.
    """

    trainer: CapsNetTrainer
    weights: list[np.ndarray]
    images: np.ndarray
    labels: np.ndarray
    routing_iterations: int

    def forward(self, weights):
        return paper.forward(weights, self.images, self.labels, self.routing_iterations, COEFFICIENT)


def make_case(batch, input_shape, num_classes, routing_iterations):
    config = CapsNetConfig(
        input_shape=input_shape,
        num_classes=num_classes,
        routing_iterations=routing_iterations,
        conv_filters=3,
        primary_channels=2,
        primary_capsule_dim=2,
        class_capsule_dim=3,
        decoder_widths=(4, 5),
    )
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (batch, *input_shape), dtype=np.uint8)
    labels = generator.integers(0, num_classes, batch)
    keras.utils.set_random_seed(0)
    network = build_capsnet(config).training
    for weight in network.trainable_variables:
        if weight.name == "bias":  # biases are initially zero, which would hide an unused bias
            weight.assign(generator.normal(0, 0.1, weight.shape))
    trainer = CapsNetTrainer(network, images, labels, COEFFICIENT, "none", seed=0)
    weights = [weight.astype(float) for weight in network.get_weights()]
    return Case(trainer, weights, images / 255, labels, routing_iterations)


def relative_error(found, expected):
    return np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)


# JAX compiles every operation for every shape, so the test runs few examples with JAX.
@settings(max_examples=4 if keras.backend.backend() == "jax" else 15, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 5),
    input_shape=st.tuples(st.integers(17, 32), st.integers(17, 32), st.integers(1, 3)),
    num_classes=st.integers(2, 49),
    routing_iterations=st.integers(1, 5),
)
@example(batch=1, input_shape=(28, 28, 1), num_classes=10, routing_iterations=3)
@example(batch=3, input_shape=(28, 28, 1), num_classes=10, routing_iterations=1)
@example(batch=2, input_shape=(28, 28, 1), num_classes=49, routing_iterations=3)
@example(batch=2, input_shape=(32, 32, 3), num_classes=10, routing_iterations=3)
def test_forward_pass_and_loss_equal_paper_equations(batch, input_shape, num_classes, routing_iterations):
    case = make_case(batch, input_shape, num_classes, routing_iterations)
    expected = case.forward(case.weights)
    pixels, labels = ops.convert_to_tensor(case.images, "float32"), ops.convert_to_tensor(case.labels)
    lengths, reconstructions = map(ops.convert_to_numpy, case.trainer.network((pixels, labels)))
    assert lengths.shape == (batch, num_classes)
    assert relative_error(lengths, expected.lengths) < TOLERANCE
    assert relative_error(reconstructions, expected.reconstructions) < TOLERANCE
    losses = case.trainer(np.arange(batch))
    loss = ops.convert_to_numpy(case.trainer.compute_loss(y_pred=losses))
    assert relative_error(loss, expected.loss) < TOLERANCE


@pytest.mark.parametrize(("batch", "routing_iterations"), [(2, 3), (2, 1), (1, 2)])
def test_training_step_equals_adam_step_with_gradient_of_paper_equations(batch, routing_iterations):
    case = make_case(batch, (17, 19, 1), 3, routing_iterations)
    gradients = paper.gradients(lambda weights: case.forward(weights).loss, case.weights)
    case.trainer.compile(keras.optimizers.Adam(0.001))
    case.trainer.fit(batched(np.arange(batch), batch), shuffle=False, verbose=0)
    variables = case.trainer.network.trainable_variables
    stepped = [ops.convert_to_numpy(variable) for variable in variables]
    momenta = [
        ops.convert_to_numpy(variable)
        for variable in case.trainer.optimizer.variables
        if "momentum" in variable.path
    ]
    for variable, weight, gradient, new, momentum in zip(
        variables, case.weights, gradients, stepped, momenta, strict=True
    ):
        assert np.abs(gradient).max() > 0, variable.path
        assert relative_error(momentum, 0.1 * gradient) < TOLERANCE, variable.path
        expected = paper.first_adam_step(weight, gradient, 0.001)
        assert relative_error(new, expected) < TOLERANCE, variable.path
