import numpy as np

from capsmodel.network.losses import margin_loss, reconstruction_loss


def test_margin_loss_equals_equation_4():
    labels = np.array([0, 2, 1])
    lengths = np.random.default_rng(0).random((3, 4)).astype("float32")
    expected = np.zeros(3)
    for image, label in enumerate(labels):
        for number, length in enumerate(lengths[image]):
            if number == label:
                expected[image] += max(0, 0.9 - length) ** 2
            else:
                expected[image] += 0.5 * max(0, length - 0.1) ** 2
    np.testing.assert_allclose(margin_loss(labels, lengths), expected, rtol=1e-5)


def test_margin_loss_is_zero_at_margins():
    np.testing.assert_array_equal(margin_loss(np.array([1]), np.array([[0.1, 0.9, 0.05]], "float32")), 0)


def test_reconstruction_loss_is_mean_squared_error_per_pixel():
    images = np.zeros((2, 4, 5, 1), "float32")
    reconstructions = images.copy()
    reconstructions[1, 0, 0, 0] = 0.5
    np.testing.assert_allclose(reconstruction_loss(images, reconstructions), [0, 0.25 / 20])
