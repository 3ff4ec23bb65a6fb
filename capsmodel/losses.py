"""The two losses of the capsule network, for each image of a batch."""

from keras import ops

PRESENT = 0.9  # m+: the length a present class's capsule should reach
ABSENT = 0.1  # m-: the length an absent class's capsule should stay under
ABSENT_WEIGHT = 0.5  # λ: keeps the many absent classes from shrinking all capsules early in training


def margin_loss(labels, lengths):
    """Σ_k T_k max(0, m+ - |v_k|)² + λ (1 - T_k) max(0, |v_k| - m-)² (equation 4).

    Args:
        labels: whole numbers, (batch,).
        lengths: of the class capsules, (batch, num_classes).

    Returns:
        (batch,).
    """
    present = ops.one_hot(labels, lengths.shape[-1], dtype=lengths.dtype)  # T, (batch, num_classes)
    too_short = ops.square(ops.relu(PRESENT - lengths))
    too_long = ops.square(ops.relu(lengths - ABSENT))
    return ops.sum(present * too_short + ABSENT_WEIGHT * (1.0 - present) * too_long, axis=-1)


def reconstruction_loss(images, reconstructions):
    """The squared error, averaged over the pixels.

    The paper sums over the pixels and weighs the sum by 0.0005: for 28×28 images, this mean by 0.392.

    Args:
        images: (batch, height, width, channels).
        reconstructions: the same shape.

    Returns:
        (batch,).
    """
    return ops.mean(ops.square(images - reconstructions), axis=(1, 2, 3))
