"""The training step of the baseline, which is the student project that this project grew out of.

The step is reimplemented here as a reference for benchmarks. Each primary capsule is tiled for
every class, the votes are computed by a map over the images of the batch, the batch size is fixed in the
graph, everything is float32, and a Python generator augments image by image on the host.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops
from scipy import ndimage

from capsmodel.config import CapsNetConfig
from capsmodel.network.layers import vote_limit
from capsmodel.training.augmentation import CUTOUT_SIDE, SHIFT_FRACTION
from capsmodel.training.batches import untuned


class TiledClassCapsules(keras.Layer):
    """Compute class capsules with routing by agreement, from votes that a map computes image by image.

    Args:
        num_classes: The number of classes.
        capsule_dim: The number of elements of a class capsule.
        routing_iterations: The number of routing iterations.
        initial_votes: The scale of the initial weights; see `capsmodel.network.layers.ClassCapsules`.

    Input:
        (batch, num_capsules, input_dim), with a fixed batch size.

    Output:
        (batch, num_classes, capsule_dim).
    """

    def __init__(
        self, num_classes: int, capsule_dim: int, routing_iterations: int, initial_votes: str
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.capsule_dim = capsule_dim
        self.routing_iterations = routing_iterations
        self.initial_votes = initial_votes

    def build(self, input_shape: tuple[int, int, int]) -> None:
        self.batch_size, num_capsules, input_dim = input_shape
        shape = (self.num_classes, num_capsules, self.capsule_dim, input_dim)
        limit = vote_limit(self.initial_votes, self.num_classes, num_capsules, input_dim, self.capsule_dim)
        initializer = keras.initializers.RandomUniform(-limit, limit)
        self.transformation = self.add_weight(shape=shape, initializer=initializer)

    def call(self, capsules: KerasTensor) -> KerasTensor:
        tiled = ops.tile(capsules[:, None, :, :, None], (1, self.num_classes, 1, 1, 1))
        votes = ops.map(lambda of_one_image: ops.matmul(self.transformation, of_one_image), tiled)
        votes = ops.squeeze(votes, axis=-1)  # (batch, classes, capsules, capsule_dim)
        logits = ops.zeros((self.batch_size, self.num_classes, 1, capsules.shape[1]))
        for iteration in range(self.routing_iterations):
            coupling = ops.softmax(logits, axis=1)
            class_capsules = squash(ops.matmul(coupling, votes))  # (batch, classes, 1, capsule_dim)
            if iteration < self.routing_iterations - 1:
                logits += ops.matmul(class_capsules, ops.swapaxes(votes, 2, 3))
        return ops.squeeze(class_capsules, axis=2)


def squash(vectors: KerasTensor) -> KerasTensor:
    """Squash vectors, (..., capsule_dim), with the epsilon of the baseline (equation 1 of the paper)."""
    squared_norm = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return squared_norm / (1 + squared_norm) / ops.sqrt(squared_norm + 1e-7) * vectors


def margin_loss(present: KerasTensor, lengths: KerasTensor) -> KerasTensor:
    """Compute the mean margin loss of a batch (equation 4 of the paper).

    Args:
        present: The one-hot labels, (batch, num_classes).
        lengths: The lengths of the class capsules, (batch, num_classes).
    """
    too_short = ops.square(ops.maximum(0.0, 0.9 - lengths))
    too_long = ops.square(ops.maximum(0.0, lengths - 0.1))
    return ops.mean(ops.sum(present * too_short + 0.5 * (1 - present) * too_long, axis=1))


def build_baseline_model(config: CapsNetConfig, batch_size: int, decoder_coefficient: float) -> keras.Model:
    """Build and compile the baseline's model for batches of exactly one size.

    Args:
        config: The configuration of the network.
        batch_size: The number of images in every batch.
        decoder_coefficient: The weight of the mean squared reconstruction error.

    Returns:
        A model that maps (images, one-hot labels) to lengths and reconstructions.
    """
    images = keras.Input(batch_shape=(batch_size, *config.input_shape))
    present = keras.Input(batch_shape=(batch_size, config.num_classes))
    features = layers.Conv2D(config.conv_filters, 9, activation="relu")(images)
    features = layers.Conv2D(config.primary_channels * config.primary_capsule_dim, 9, strides=2)(features)
    capsules = layers.Lambda(squash)(layers.Reshape((-1, config.primary_capsule_dim))(features))
    routed = TiledClassCapsules(
        config.num_classes, config.class_capsule_dim, config.routing_iterations, config.initial_votes
    )(capsules)
    lengths = layers.Lambda(lambda vectors: ops.sqrt(ops.sum(ops.square(vectors), axis=-1) + 1e-7))(routed)
    hidden = layers.Flatten()(layers.Multiply()([routed, layers.Reshape((config.num_classes, 1))(present)]))
    for width in config.decoder_widths:
        hidden = layers.Dense(width, activation="relu")(hidden)
    pixels = layers.Dense(int(np.prod(config.input_shape)), activation="sigmoid")(hidden)
    model = keras.Model([images, present], [lengths, layers.Reshape(config.input_shape)(pixels)])
    model.compile("adam", loss=[margin_loss, "mse"], loss_weights=[1.0, decoder_coefficient])
    return model


def augmented_batches(
    images: np.ndarray, labels: np.ndarray, num_classes: int, batch_size: int, seed: int
) -> Iterator[Any]:
    """Generate batches for `build_baseline_model` without end, augmented image by image on the host.

    Args:
        images: float32 with values from 0 to 1, (num_images, height, width, channels).
        labels: Integers, (num_images,).
        num_classes: The number of classes.
        batch_size: The number of images in a batch.
        seed: The seed of the order and of the augmentation.

    Yields:
        The inputs and the targets: ((images, one-hot labels), (one-hot labels, images)).
    """
    generator = np.random.default_rng(seed)
    for chosen in _endless_epochs(len(images), batch_size, generator):
        batch = np.stack([_augmented(images[index], generator) for index in chosen])
        present = np.eye(num_classes, dtype="float32")[labels[chosen]]
        yield (batch, present), (present, batch)


def read_ahead(batches: Iterator[Any], model: keras.Model) -> Any:
    """Return the batches in a form for `fit` in which TensorFlow prepares the next batches during a step."""
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    images, present = (tf.TensorSpec(inputs.shape, "float32") for inputs in model.inputs)
    signature = ((images, present), (present, images))
    return untuned(tf.data.Dataset.from_generator(lambda: batches, output_signature=signature).prefetch(2))


def predicted_classes(model: keras.Model, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Predict the class of each image. The last batch is padded with blank images.

    Args:
        model: A model of `build_baseline_model`.
        images: float32 with values from 0 to 1, (num_images, height, width, channels).
        batch_size: The batch size of the model.

    Returns:
        The classes, (num_images,).
    """
    padding = -len(images) % batch_size
    padded = np.concatenate([images, np.zeros((padding, *images.shape[1:]), images.dtype)])
    unused_labels = np.zeros((batch_size, model.input_shape[1][1]), "float32")
    lengths = [
        model.predict_on_batch((padded[first : first + batch_size], unused_labels))[0]
        for first in range(0, len(padded), batch_size)
    ]
    return np.concatenate(lengths)[: len(images)].argmax(axis=1)


def _endless_epochs(num_images: int, batch_size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Generate batches of indices, in a new order in each epoch, without incomplete batches."""
    while True:
        order = generator.permutation(num_images)
        yield from order[: num_images - num_images % batch_size].reshape(-1, batch_size)


def _augmented(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shift an image at random, and set a square of it to zero."""
    height, width, _ = image.shape
    vertical, horizontal = generator.uniform(-SHIFT_FRACTION, SHIFT_FRACTION, 2) * (height, width)
    moved = ndimage.shift(image, (vertical, horizontal, 0), order=1)
    row = generator.integers(0, height - CUTOUT_SIDE + 1)
    column = generator.integers(0, width - CUTOUT_SIDE + 1)
    moved[row : row + CUTOUT_SIDE, column : column + CUTOUT_SIDE] = 0
    return moved
