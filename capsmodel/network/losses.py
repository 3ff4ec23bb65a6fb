"""Compute the two losses of the capsule network for each image of a batch."""

from keras import KerasTensor, ops

PRESENT = 0.9  # m+, the smallest desired length of the capsule of a class that is present
ABSENT = 0.1  # m-, the largest desired length of the capsule of a class that is absent
ABSENT_WEIGHT = 0.5  # λ, which prevents the many absent classes from shrinking all capsules early


def margin_loss(labels: KerasTensor, lengths: KerasTensor) -> KerasTensor:
    """Compute the margin loss (equation 4 of the paper), summed over the classes k.

        Σ_k T_k max(0, m+ - |v_k|)² + λ (1 - T_k) max(0, |v_k| - m-)²

    T_k is 1 if class k is present, otherwise 0, and |v_k| is the length of its capsule.

    Args:
        labels: Integers, (batch,).
        lengths: The lengths of the class capsules, (batch, num_classes).

    Returns:
        The loss of each image, (batch,).
    """
    present = ops.one_hot(labels, lengths.shape[-1], dtype=lengths.dtype)  # T, (batch, num_classes)
    too_short = ops.square(ops.relu(PRESENT - lengths))
    too_long = ops.square(ops.relu(lengths - ABSENT))
    return ops.sum(present * too_short + ABSENT_WEIGHT * (1.0 - present) * too_long, axis=-1)


def reconstruction_loss(images: KerasTensor, reconstructions: KerasTensor) -> KerasTensor:
    """Compute the mean squared error per pixel.

    The paper multiplies the sum over the pixels by 0.0005 (section 4.1). For images of 28×28 pixels, this
    equals 0.392 times the mean.

    Args:
        images: (batch, height, width, channels).
        reconstructions: (batch, height, width, channels).

    Returns:
        The loss of each image, (batch,).
    """
    return ops.mean(ops.square(images - reconstructions), axis=(1, 2, 3))
