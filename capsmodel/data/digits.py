"""The digits of scikit-learn, enlarged to the size of the images of Kuzushiji-MNIST."""

import numpy as np

from capsmodel.data.split import stratified_order

SIDE = 28  # pixels; the side of the original images is 8 pixels
TEST_FRACTION = 0.2


def load_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Load the 1,797 digits, enlarged by linear interpolation, with a fixed test split.

    Returns:
        The training images, their labels, the test images and their labels. Images are uint8,
        (num_images, 28, 28).
    """
    from sklearn import datasets  # imported here because it takes a second

    bunch = datasets.load_digits()
    small = bunch.images  # (1797, 8, 8), with values from 0 to 16
    positions = np.linspace(0, small.shape[1] - 1, SIDE)
    weights = np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(small.shape[1])))  # (28, 8)
    images = np.rint(weights @ small @ weights.T * (255 / 16)).astype(np.uint8)
    order = stratified_order(bunch.target, seed=0)
    test, training = np.split(order, [round(TEST_FRACTION * len(order))])
    return images[training], bunch.target[training], images[test], bunch.target[test]
