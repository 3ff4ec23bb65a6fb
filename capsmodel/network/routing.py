"""Squash and routing by agreement of Sabour, Frosst and Hinton (2017), as pure functions of keras.ops.

Squash, softmax and logits are computed in float32 whatever the dtype of the capsules.
"""

from keras import KerasTensor, ops

EPSILON = 1e-18  # keeps the gradient of a norm finite at the zero vector; its cube is a float32 number


def squash(vectors: KerasTensor) -> KerasTensor:
    """Shrink vectors to a length below one, short vectors more than long ones (equation 1).

    Args:
        vectors: (..., capsule_dim), of any float dtype.

    Returns:
        float32 vectors of the same shape and directions, of length |s|² / (1 + |s|²).
    """
    vectors = ops.cast(vectors, "float32")
    squared_norm = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * (squared_norm / (1.0 + squared_norm) / ops.sqrt(squared_norm + EPSILON))


def capsule_lengths(capsules: KerasTensor) -> KerasTensor:
    """Compute the length of each capsule, which represents how probable its entity is (section 2).

    Args:
        capsules: (..., capsule_dim).

    Returns:
        float32 (...), sqrt(sum of squares + epsilon).
    """
    capsules = ops.cast(capsules, "float32")
    return ops.sqrt(ops.sum(ops.square(capsules), axis=-1) + EPSILON)


def route_by_agreement(capsules: KerasTensor, transformation: KerasTensor, iterations: int) -> KerasTensor:
    """Compute class capsules from primary capsules by routing (equations 2 and 3, procedure 1).

    The votes û = W u of the paper, (batch, classes, capsules, class_capsule_dim), are never computed.
    Both of their uses are matrix products with W itself, which move half the memory:

        s_j  = Σ_i c_ij (W_ij u_i)    one matrix product of the coupled capsules c_ij u_i and W_j
        a_ij = (W_ij u_i) · v_j       the product of u_i and W_ijᵀ v_j, where one matrix product
                                      computes W_ijᵀ v_j for all i

    Gradients flow through all iterations.

    Args:
        capsules: (batch, num_capsules, capsule_dim). Its dtype is the dtype of the matrix products.
        transformation: The weights W, (num_classes, capsule_dim, num_capsules, class_capsule_dim).
        iterations: How many times coupling coefficients are computed, at least 1. The first ones are
            uniform.

    Returns:
        float32 (batch, num_classes, class_capsule_dim). Each capsule is shorter than one.
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
