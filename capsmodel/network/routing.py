"""Squash and routing by agreement of Sabour, Frosst and Hinton (2017), as pure functions in keras.ops.

Squash, softmax and logits are computed in float32 for every dtype of the capsules.
"""

from keras import KerasTensor, ops

EPSILON = 1e-18  # makes the gradient of a norm finite at the zero vector; EPSILON**-1.5 is within float32


def squash(vectors: KerasTensor) -> KerasTensor:
    """Reduce the lengths of vectors to less than one, and keep their directions (equation 1).

    Args:
        vectors: (..., capsule_dim), of any float dtype.

    Returns:
        float32 vectors of the same shape. A vector of length |s| gets the length |s|² / (1 + |s|²).
    """
    vectors = ops.cast(vectors, "float32")
    squared_norm = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * (squared_norm / (1.0 + squared_norm) / ops.sqrt(squared_norm + EPSILON))


def capsule_lengths(capsules: KerasTensor) -> KerasTensor:
    """Compute the length of each capsule, which represents the probability of its entity (section 2).

    Args:
        capsules: (..., capsule_dim).

    Returns:
        float32 (...), the square root of the sum of squares plus EPSILON.
    """
    capsules = ops.cast(capsules, "float32")
    return ops.sqrt(ops.sum(ops.square(capsules), axis=-1) + EPSILON)


def route_by_agreement(capsules: KerasTensor, transformation: KerasTensor, iterations: int) -> KerasTensor:
    """Compute class capsules from primary capsules by routing by agreement (equations 2 and 3, procedure 1).

    The votes û = W u of the paper, (batch, classes, capsules, class_capsule_dim), are never computed.
    Both uses of the votes are matrix products with W itself, which move half the memory:

        s_j  = Σ_i c_ij (W_ij u_i)    one matrix product of the coupled capsules c_ij u_i and W_j
        a_ij = (W_ij u_i) · v_j       the product of u_i and W_ijᵀ v_j, where one matrix product
                                      computes W_ijᵀ v_j for all i

    Gradients flow through all iterations.

    Args:
        capsules: The primary capsules, (batch, num_capsules, capsule_dim). Their dtype is that of the
            matrix products.
        transformation: The weights W, (num_classes, capsule_dim, num_capsules, class_capsule_dim).
        iterations: The number of routing iterations, at least 1. In the first iteration, all coupling
            coefficients are equal.

    Returns:
        The class capsules, float32 (batch, num_classes, class_capsule_dim). Their lengths are below one.
    """
    num_classes, capsule_dim, num_capsules, class_capsule_dim = transformation.shape
    components = capsule_dim * num_capsules
    weights = ops.reshape(transformation, (num_classes, components, class_capsule_dim))
    capsules = ops.transpose(capsules, (0, 2, 1))  # (batch, capsule_dim, num_capsules)

    flat_capsules = ops.reshape(capsules, (-1, components))
    weighted_sum = ops.einsum("bn,jnd->jbd", flat_capsules, weights) / num_classes
    class_capsules = squash(weighted_sum)  # (classes, batch, class_capsule_dim)
    logits = 0.0
    for _ in range(iterations - 1):
        logits = logits + _agreement(capsules, weights, class_capsules)  # (classes, batch, num_capsules)
        coupling = ops.cast(ops.softmax(logits, axis=0), capsules.dtype)
        coupled = coupling[:, :, None, :] * capsules  # (classes, batch, capsule_dim, num_capsules)
        weighted_sum = ops.matmul(ops.reshape(coupled, (num_classes, -1, components)), weights)
        class_capsules = squash(weighted_sum)
    return ops.transpose(class_capsules, (1, 0, 2))


def _agreement(capsules: KerasTensor, weights: KerasTensor, class_capsules: KerasTensor) -> KerasTensor:
    """Compute the scalar products of votes and class capsules, float32 (classes, batch, num_capsules)."""
    class_capsules = ops.cast(class_capsules, capsules.dtype)
    expected = ops.matmul(class_capsules, ops.transpose(weights, (0, 2, 1)))
    expected = ops.reshape(expected, (weights.shape[0], -1, *capsules.shape[1:]))
    return ops.sum(ops.cast(expected * capsules, "float32"), axis=2)
