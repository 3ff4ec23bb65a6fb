"""The layers of the capsule network that Keras does not provide: capsules, their lengths and the mask."""

from typing import Any

import keras
from keras import KerasTensor, ops

from capsmodel.config import INITIAL_VOTES
from capsmodel.network.im2col import StridedConvolution
from capsmodel.network.routing import capsule_lengths, route_by_agreement, squash

Shape = tuple[int | None, ...]

register = keras.saving.register_keras_serializable(package="capsmodel")


@register
class PrimaryCapsules(keras.Layer):
    """Convolve features, divide the output into capsules, and squash them (section 4 of the paper).

    Args:
        channels: The number of capsules at each position.
        capsule_dim: The number of elements of a capsule.
        kernel_size: The kernel size of the convolution, in pixels.
        strides: The stride of the convolution, in pixels.

    Input:
        (batch, height, width, features).

    Output:
        (batch, num_capsules, capsule_dim), where num_capsules is positions × channels.
    """

    def __init__(
        self, channels: int, capsule_dim: int, kernel_size: int, strides: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.capsule_dim = capsule_dim
        self.kernel_size = kernel_size
        self.strides = strides
        self.convolution = StridedConvolution(
            channels * capsule_dim, kernel_size, strides, dtype=self.dtype_policy, name="convolution"
        )

    def build(self, input_shape: Shape) -> None:
        self.convolution.build(input_shape)

    def call(self, features: KerasTensor) -> KerasTensor:
        features = self.convolution(features)  # (batch, rows, columns, channels × capsule_dim)
        _, rows, columns, _ = features.shape
        capsules = ops.reshape(features, (-1, rows * columns * self.channels, self.capsule_dim))
        return ops.cast(squash(capsules), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, rows, columns, _ = self.convolution.compute_output_shape(input_shape)
        return batch, rows * columns * self.channels, self.capsule_dim

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "channels": self.channels,
            "capsule_dim": self.capsule_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


@register
class ClassCapsules(keras.Layer):
    """Compute one capsule for each class with routing by agreement (procedure 1 of the paper).

    Args:
        num_classes: The number of classes.
        capsule_dim: The number of elements of a class capsule.
        routing_iterations: The number of routing iterations, at least 1.
        initial_votes: The scale of the initial transformation weights.
            With "scaled", class capsules are initially about as long as primary capsules; see `vote_limit`.
            "glorot_4d" is Glorot uniform for the whole weight tensor, which Keras interprets as the kernel
            of a convolution whose receptive field has num_classes × num_capsules positions. The votes
            are then almost zero, and the loss stays on a plateau for several epochs. This scale is for
            reproducing the baseline, which is the student project that this project grew out of.

    Input:
        (batch, num_capsules, input_dim).

    Output:
        (batch, num_classes, capsule_dim), float32 under every dtype policy.

    Raises:
        ValueError: If `routing_iterations` or `initial_votes` is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        capsule_dim: int,
        routing_iterations: int = 3,
        initial_votes: str = "scaled",
        **kwargs: Any,
    ) -> None:
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

    def build(self, input_shape: tuple[int | None, int, int]) -> None:
        _, num_capsules, input_dim = input_shape
        limit = vote_limit(self.initial_votes, self.num_classes, num_capsules, input_dim, self.capsule_dim)
        self.transformation = self.add_weight(
            shape=(self.num_classes, input_dim, num_capsules, self.capsule_dim),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            name="transformation",
        )

    def call(self, capsules: KerasTensor) -> KerasTensor:
        return route_by_agreement(capsules, self.transformation, self.routing_iterations)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], self.num_classes, self.capsule_dim

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "capsule_dim": self.capsule_dim,
            "routing_iterations": self.routing_iterations,
            "initial_votes": self.initial_votes,
        }


def vote_limit(
    initial_votes: str, num_classes: int, num_capsules: int, input_dim: int, capsule_dim: int
) -> float:
    """Return the limit of the uniform distribution of the initial transformation weights.

    With "scaled", the weights have variance num_classes² / (num_capsules × capsule_dim). In the first
    routing iteration, every coupling coefficient is 1 / num_classes, so a class capsule before squash is
    the sum of num_capsules independent votes with this weight. Its expected squared norm equals the mean
    squared norm of the primary capsules. With much larger weights, all class capsules are initially long,
    and the first training steps shrink them to zero, where squash has no gradient. With much smaller
    weights, they are close to zero from the start.

    Args:
        initial_votes: One of `capsmodel.config.INITIAL_VOTES`.
        num_classes: The number of classes.
        num_capsules: The number of primary capsules.
        input_dim: The number of elements of a primary capsule.
        capsule_dim: The number of elements of a class capsule.

    Returns:
        The limit. The weights are drawn from the range between -limit and limit.
    """
    if initial_votes == "glorot_4d":
        return float((6 / (num_classes * num_capsules * (input_dim + capsule_dim))) ** 0.5)
    return float(num_classes * (3 / (num_capsules * capsule_dim)) ** 0.5)


@register
class CapsuleLengths(keras.Layer):
    """Compute the length of each capsule, in float32 under every dtype policy.

    Input:
        (batch, num_classes, capsule_dim).

    Output:
        (batch, num_classes).
    """

    def __init__(self, dtype: str = "float32", **kwargs: Any) -> None:
        super().__init__(dtype=dtype, **kwargs)

    def call(self, capsules: KerasTensor) -> KerasTensor:
        return capsule_lengths(capsules)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[:-1]


@register
class CapsuleMask(keras.Layer):
    """Set all capsules except one to zero (section 4.1 of the paper).

    The remaining capsule is the labelled one, or without labels the longest one.

    Input:
        capsules: (batch, num_classes, capsule_dim).
        labels: Optional integers, (batch,).

    Output:
        (batch, num_classes × capsule_dim).
    """

    def call(self, capsules: KerasTensor, labels: KerasTensor | None = None) -> KerasTensor:
        _, num_classes, capsule_dim = capsules.shape
        if labels is None:
            labels = ops.argmax(capsule_lengths(capsules), axis=-1)  # (batch,)
        chosen = ops.one_hot(labels, num_classes, dtype=capsules.dtype)  # (batch, num_classes)
        return ops.reshape(capsules * chosen[:, :, None], (-1, num_classes * capsule_dim))

    def compute_output_shape(
        self, capsules_shape: tuple[int | None, int, int], labels_shape: Shape | None = None
    ) -> Shape:
        batch, num_classes, capsule_dim = capsules_shape
        return batch, num_classes * capsule_dim
