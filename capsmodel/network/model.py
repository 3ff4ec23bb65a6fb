"""Build the capsule network from its configuration."""

import random
from typing import NamedTuple

import keras
from keras import KerasTensor, layers

from capsmodel.config import KERNEL_SIZE, PRIMARY_STRIDE, CapsNetConfig
from capsmodel.network.layers import CapsuleLengths, CapsuleMask, ClassCapsules, PrimaryCapsules


class CapsNet(NamedTuple):
    """The Keras models of one network, which share all weights.

    Images are (batch, height, width, channels), with values from 0 to 1. Labels are integers, (batch,).
    Lengths are those of the class capsules, (batch, num_classes). Reconstructions are float32 images.

    Attributes:
        training: Maps (images, labels) to lengths and to reconstructions from the labelled capsule.
        prediction: Maps images to lengths and to reconstructions from the longest capsule.
        encoder: Maps images to class capsules, (batch, num_classes, class_capsule_dim).
        decoder: Maps masked class capsules, (batch, num_classes × class_capsule_dim), to images.
    """

    training: keras.Model
    prediction: keras.Model
    encoder: keras.Model
    decoder: keras.Model


def build_capsnet(config: CapsNetConfig, precision: str = "float32") -> CapsNet:
    """Build the network of the paper's section 4 with the decoder of section 4.1.

    The initial weights and the seeds of dropout depend on the global random seed. For reproducible weights,
    call `keras.utils.set_random_seed` first.

    Args:
        config: The configuration of the network.
        precision: A Keras dtype policy, "float32" or "mixed_bfloat16". Squash, the softmax of the routing,
            lengths and reconstructions are computed in float32 under both.

    Returns:
        The models of the network.
    """
    images = keras.Input(config.input_shape, name="images")
    labels = keras.Input((), dtype="int32", name="labels")
    encoder = _build_encoder(config, images, precision)
    decoder = _build_decoder(config, precision)
    mask = CapsuleMask(name="mask", dtype="float32")
    capsules = encoder(images)
    lengths = CapsuleLengths(name="lengths")(capsules)
    return CapsNet(
        keras.Model((images, labels), (lengths, decoder(mask(capsules, labels=labels))), name="training"),
        keras.Model(images, (lengths, decoder(mask(capsules))), name="prediction"),
        encoder,
        decoder,
    )


def _build_encoder(config: CapsNetConfig, images: KerasTensor, precision: str) -> keras.Model:
    features = layers.Conv2D(
        config.conv_filters, KERNEL_SIZE, activation="relu", dtype=precision, name="convolution"
    )(images)
    primary_capsules = PrimaryCapsules(
        config.primary_channels,
        config.primary_capsule_dim,
        KERNEL_SIZE,
        PRIMARY_STRIDE,
        dtype=precision,
        name="primary_capsules",
    )(features)
    class_capsules = ClassCapsules(
        config.num_classes,
        config.class_capsule_dim,
        config.routing_iterations,
        config.initial_votes,
        dtype=precision,
        name="class_capsules",
    )(primary_capsules)
    return keras.Model(images, class_capsules, name="encoder")


def _build_decoder(config: CapsNetConfig, precision: str) -> keras.Model:
    height, width, channels = config.input_shape
    decoder = keras.Sequential(name="decoder")
    decoder.add(keras.Input((config.num_classes * config.class_capsule_dim,)))
    for hidden_width in config.decoder_widths:
        decoder.add(layers.Dense(hidden_width, activation="relu", dtype=precision))
        if config.decoder_dropout:
            # Without a seed of its own, dropout uses a random state under PyTorch that checkpoints omit.
            seed = random.randrange(2**31)
            decoder.add(layers.Dropout(config.decoder_dropout, seed=seed, dtype=precision))
    decoder.add(layers.Dense(height * width * channels, activation="sigmoid", dtype="float32"))
    decoder.add(layers.Reshape(config.input_shape))
    return decoder
