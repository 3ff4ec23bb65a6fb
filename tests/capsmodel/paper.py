"""The paper's equations and Adam in NumPy and float64, as a reference for the network and its training.

The functions are analytic in the weights wherever they are smooth. Derivatives are therefore computed by the
complex-step method, which is exact to float64 precision and does not use backpropagation.
"""

from typing import NamedTuple

import numpy as np

IMAGINARY_STEP = 1e-40  # can be this small because the method subtracts nothing


class Pass(NamedTuple):
    """The results of a forward pass.

    Attributes:
        lengths: The lengths of the class capsules, (batch, num_classes).
        reconstructions: The reconstructions from the labelled capsules, (batch, height, width, channels).
        loss: The loss of the batch, a scalar.
    """

    lengths: np.ndarray
    reconstructions: np.ndarray
    loss: np.ndarray


def forward(weights, images, labels, routing_iterations, decoder_coefficient):
    """Compute a forward pass of the network of sections 4 and 4.1 of the paper.

    Args:
        weights: The weights in the order of the layers, with each kernel before its bias.
        images: (batch, height, width, channels), with values from 0 to 1.
        labels: Integers, (batch,).
        routing_iterations: The number of routing iterations.
        decoder_coefficient: The weight of the reconstruction loss.

    Returns:
        The results of the forward pass.
    """
    kernel, bias, primary_kernel, primary_bias, transformation, *decoder = weights
    num_classes, capsule_dim, num_capsules, _ = transformation.shape
    features = positive_part(convolve(images, kernel, bias, stride=1))
    capsules = convolve(features, primary_kernel, primary_bias, stride=2)
    capsules = squash(capsules.reshape(len(images), num_capsules, capsule_dim))
    votes = np.einsum("bip,jpid->bijd", capsules, transformation)
    class_capsules = route(votes, routing_iterations)
    lengths = norm(class_capsules)
    present = np.eye(num_classes)[labels]
    hidden = (class_capsules * present[:, :, None]).reshape(len(images), -1)
    *hidden_layers, last = zip(decoder[::2], decoder[1::2], strict=True)
    for layer_kernel, layer_bias in hidden_layers:
        hidden = positive_part(hidden @ layer_kernel + layer_bias)
    reconstructions = (1 / (1 + np.exp(-(hidden @ last[0] + last[1])))).reshape(images.shape)
    margin = (
        present * positive_part(0.9 - lengths) ** 2 + 0.5 * (1 - present) * positive_part(lengths - 0.1) ** 2
    )
    loss = margin.sum(axis=1).mean() + decoder_coefficient * ((images - reconstructions) ** 2).mean()
    return Pass(lengths, reconstructions, loss)


def route(votes, iterations):
    """Compute class capsules from votes with procedure 1 of the paper.

    Args:
        votes: (batch, num_capsules, num_classes, class_capsule_dim).
        iterations: The number of routing iterations.

    Returns:
        (batch, num_classes, class_capsule_dim).
    """
    logits = np.zeros(votes.shape[:3])
    for _ in range(iterations):
        coupling = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)  # equation 3
        class_capsules = squash((coupling[..., None] * votes).sum(axis=1))  # equation 2
        logits = logits + (votes * class_capsules[:, None]).sum(axis=3)
    return class_capsules


def squash(vectors):
    """Squash vectors, (..., capsule_dim), with equation 1 of the paper."""
    length = norm(vectors)[..., None]
    return length**2 / (1 + length**2) * vectors / length


def norm(vectors):
    return np.sqrt((vectors**2).sum(axis=-1))


def positive_part(numbers):
    return numbers * (numbers.real > 0)


def convolve(images, kernel, bias, stride):
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    vertical, horizontal = np.broadcast_to(stride, 2)
    windows = windows[
        :, ::vertical, ::horizontal
    ]  # (batch, rows, columns, channels, kernel_height, kernel_width)
    return np.tensordot(windows, kernel, axes=((3, 4, 5), (2, 0, 1))) + bias


def gradients(function, weights):
    """Compute the gradients of a scalar function with respect to all elements of a list of arrays."""
    complex_weights = [weight.astype(complex) for weight in weights]
    found = []
    for weight in complex_weights:
        slopes = np.empty(weight.size)
        flat = weight.reshape(-1)  # a view of the array that is passed to the function
        for index in range(weight.size):
            flat[index] += 1j * IMAGINARY_STEP
            slopes[index] = function(complex_weights).imag / IMAGINARY_STEP
            flat[index] = flat[index].real
        found.append(slopes.reshape(weight.shape))
    return found


def first_adam_step(weight, gradient, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Return a weight after the first step of Adam, whose moments are initially zero.

    The step is that of algorithm 1 of Kingma and Ba (2015), in the form given at the end of section 2.
    """
    momentum, velocity = (1 - beta_1) * gradient, (1 - beta_2) * gradient**2
    step_size = learning_rate * np.sqrt(1 - beta_2) / (1 - beta_1)
    return weight - step_size * momentum / (np.sqrt(velocity) + epsilon)
