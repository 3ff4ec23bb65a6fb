"""The layers that Keras does not have: capsules, and the mask between capsules and decoder."""

import keras
from keras import ops

from capsmodel.config import INITIAL_VOTES
from capsmodel.convolution import StridedConvolution
from capsmodel.routing import capsule_lengths, route_by_agreement, squash

register = keras.saving.register_keras_serializable(package="capsmodel")


@register
class PrimaryCapsules(keras.Layer):
    """A convolution whose output is read as capsules, and squashed (section 4).

    Args:
        channels: capsules at each position.
        capsule_dim: size of a capsule.
        kernel_size: of the convolution, pixels.
        strides: of the convolution, pixels.

    Input:
        (batch, height, width, features).

    Output:
        (batch, num_capsules, capsule_dim), where num_capsules is positions × channels.
    """

    def __init__(self, channels, capsule_dim, kernel_size, strides, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.capsule_dim = capsule_dim
        self.kernel_size = kernel_size
        self.strides = strides
        self.convolution = StridedConvolution(
            channels * capsule_dim, kernel_size, strides, dtype=self.dtype_policy, name="convolution"
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, features):
        features = self.convolution(features)  # (batch, rows, columns, channels × capsule_dim)
        _, rows, columns, _ = features.shape
        capsules = ops.reshape(features, (-1, rows * columns * self.channels, self.capsule_dim))
        return ops.cast(squash(capsules), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, rows, columns, _ = self.convolution.compute_output_shape(input_shape)
        return batch, rows * columns * self.channels, self.capsule_dim

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "capsule_dim": self.capsule_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


@register
class ClassCapsules(keras.Layer):
    """One capsule for each class, found by routing by agreement (procedure 1).

    Args:
        num_classes: number of capsules.
        capsule_dim: size of a capsule.
        routing_iterations: at least 1.
        initial_votes: the scale of the initial transformation weights.
            "scaled": a class capsule begins about as long as a primary capsule is; see `vote_limit`.
            "glorot_4d": Glorot uniform as Keras reads the whole weight tensor, as a convolution kernel
            with num_classes × num_capsules for its receptive field. The votes all but vanish, and
            training stays on a plateau for epochs; here to re-create work that started so.

    Input:
        (batch, num_capsules, input capsule_dim).

    Output:
        (batch, num_classes, capsule_dim), float32 under every policy.
    """

    def __init__(self, num_classes, capsule_dim, routing_iterations=3, initial_votes="scaled", **kwargs):
        super().__init__(**kwargs)
        if routing_iterations < 1:
            raise ValueError(f"`routing_iterations >= 1` must hold, but got {routing_iterations!r}")
        if initial_votes not in INITIAL_VOTES:
            raise ValueError(
                f"`initial_votes` must be one of {', '.join(INITIAL_VOTES)}, but got {initial_votes!r}"
            )
        self.num_classes = num_classes
        self.capsule_dim = capsule_dim
        self.routing_iterations = routing_iterations
        self.initial_votes = initial_votes

    def build(self, input_shape):
        _, num_capsules, input_dim = input_shape
        limit = vote_limit(self.initial_votes, self.num_classes, num_capsules, input_dim, self.capsule_dim)
        self.transformation = self.add_weight(
            shape=(self.num_classes, input_dim, num_capsules, self.capsule_dim),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            name="transformation",
        )

    def call(self, capsules):
        return route_by_agreement(capsules, self.transformation, self.routing_iterations)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.num_classes, self.capsule_dim

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "capsule_dim": self.capsule_dim,
            "routing_iterations": self.routing_iterations,
            "initial_votes": self.initial_votes,
        }


def vote_limit(initial_votes, num_classes, num_capsules, input_dim, capsule_dim):
    """The initial transformation weights are uniform between this number and its negative.

    "scaled": at first every coupling coefficient is 1 / num_classes, so a class capsule is a sum of
    num_capsules independent votes, each weighted so. With weights of variance
    num_classes² / (num_capsules × capsule_dim) its expected squared norm is the mean one of the primary
    capsules. Much larger weights make all lengths long, and the first steps push every capsule to zero,
    where squash has no gradient; much smaller ones start there.
    """
    if initial_votes == "glorot_4d":
        return (6 / (num_classes * num_capsules * (input_dim + capsule_dim))) ** 0.5
    return num_classes * (3 / (num_capsules * capsule_dim)) ** 0.5


@register
class CapsuleLengths(keras.Layer):
    """The length of each capsule: (batch, num_classes, capsule_dim) to (batch, num_classes), float32."""

    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    def call(self, capsules):
        return capsule_lengths(capsules)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]


@register
class CapsuleMask(keras.Layer):
    """Zero for all capsules but one: the labelled one, or without labels the longest (section 4.1).

    Input:
        capsules: (batch, num_classes, capsule_dim).
        labels: optional, whole numbers, (batch,).

    Output:
        (batch, num_classes × capsule_dim).
    """

    def call(self, capsules, labels=None):
        _, num_classes, capsule_dim = capsules.shape
        if labels is None:
            labels = ops.argmax(capsule_lengths(capsules), axis=-1)  # (batch,)
        chosen = ops.one_hot(labels, num_classes, dtype=capsules.dtype)  # (batch, num_classes)
        return ops.reshape(capsules * chosen[:, :, None], (-1, num_classes * capsule_dim))

    def compute_output_shape(self, capsules_shape, labels_shape=None):
        batch, num_classes, capsule_dim = capsules_shape
        return batch, num_classes * capsule_dim
