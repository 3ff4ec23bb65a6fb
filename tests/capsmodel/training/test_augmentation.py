import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.config import AUGMENTATIONS
from capsmodel.training.augmentation import augment, cutout, shift


@pytest.fixture
def seed_generator():
    return keras.random.SeedGenerator(5)


@pytest.fixture
def images():
    pixels = 1 + np.random.default_rng(0).random((300, 28, 20, 1))  # no pixel is zero
    return ops.convert_to_tensor(pixels, "float32")


def test_shift_moves_images_by_at_most_one_tenth_of_their_side(images, seed_generator):
    shifted = ops.convert_to_numpy(shift(images, seed_generator))
    shifts = set()
    for image, moved in zip(ops.convert_to_numpy(images), shifted, strict=True):
        present = moved[:, :, 0] > 0
        rows, columns = np.flatnonzero(present.any(axis=1)), np.flatnonzero(present.any(axis=0))
        vertical = rows[0] or rows[-1] - 27
        horizontal = columns[0] or columns[-1] - 19
        shifts.add((int(vertical), int(horizontal)))
        expected = np.zeros_like(image)
        expected[max(0, vertical) : 28 + min(0, vertical), max(0, horizontal) : 20 + min(0, horizontal)] = (
            image[max(0, -vertical) : 28 + min(0, -vertical), max(0, -horizontal) : 20 + min(0, -horizontal)]
        )
        np.testing.assert_array_equal(moved, expected)
    assert shifts == {(vertical, horizontal) for vertical in range(-2, 3) for horizontal in range(-2, 3)}


def test_cutout_sets_square_inside_image_to_zero(images, seed_generator):
    cut = ops.convert_to_numpy(cutout(images, seed_generator))
    corners = set()
    for image, masked in zip(ops.convert_to_numpy(images), cut, strict=True):
        rows, columns = np.nonzero(masked[:, :, 0] == 0)
        assert len(rows) == 36
        assert np.ptp(rows) == np.ptp(columns) == 5
        np.testing.assert_array_equal(masked[masked > 0], image[masked > 0])
        corners.add((rows.min(), columns.min()))
    assert {row for row, _ in corners} == set(range(28 - 6 + 1))
    assert {column for _, column in corners} == set(range(20 - 6 + 1))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_augment_applies_named_steps(images, augmentation):
    def seeded():
        return keras.random.SeedGenerator(5)

    expected, steps = images, seeded()
    if augmentation in ("shift", "shift+cutout"):
        expected = shift(expected, steps)
    if augmentation in ("cutout", "shift+cutout"):
        expected = cutout(expected, steps)
    np.testing.assert_array_equal(augment(images, augmentation, seeded()), expected)


def test_batches_are_augmented_differently(images, seed_generator):
    first, second = (ops.convert_to_numpy(augment(images, "shift", seed_generator)) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tests the XLA compilation that TensorFlow uses on a GPU"
)
def test_augmentation_compiles_with_xla(images):
    class Augmenter(keras.Model):
        def __init__(self):
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(5)

        def call(self, images):
            return augment(images, "shift+cutout", self.seed_generator)

    model = Augmenter()
    model.compile(jit_compile=True)
    expected = augment(images[:7], "shift+cutout", keras.random.SeedGenerator(5))
    np.testing.assert_array_equal(model.predict(images[:7], verbose=0), expected)
