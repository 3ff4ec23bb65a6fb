import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.augment import augment, cutout, shift
from capsmodel.config import AUGMENTATIONS


@pytest.fixture
def seed_generator():
    return keras.random.SeedGenerator(5)


@pytest.fixture
def images():
    pixels = 1 + np.random.default_rng(0).random((300, 28, 20, 1))  # none is zero
    return ops.convert_to_tensor(pixels, "float32")


def test_shift_moves_whole_images_by_up_to_a_tenth(images, seed_generator):
    shifted = ops.convert_to_numpy(shift(images, seed_generator))
    seen = set()
    for image, moved in zip(ops.convert_to_numpy(images), shifted, strict=True):
        present = moved[:, :, 0] > 0
        rows, columns = np.flatnonzero(present.any(axis=1)), np.flatnonzero(present.any(axis=0))
        down = rows[0] or rows[-1] - 27
        right = columns[0] or columns[-1] - 19
        seen.add((int(down), int(right)))
        expected = np.zeros_like(image)
        expected[max(0, down) : 28 + min(0, down), max(0, right) : 20 + min(0, right)] = image[
            max(0, -down) : 28 + min(0, -down), max(0, -right) : 20 + min(0, -right)
        ]
        np.testing.assert_array_equal(moved, expected)
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_cutout_blackens_one_square_inside_the_image(images, seed_generator):
    cut = ops.convert_to_numpy(cutout(images, seed_generator))
    corners = set()
    for image, holed in zip(ops.convert_to_numpy(images), cut, strict=True):
        rows, columns = np.nonzero(holed[:, :, 0] == 0)
        assert len(rows) == 36
        assert np.ptp(rows) == np.ptp(columns) == 5
        np.testing.assert_array_equal(holed[holed > 0], image[holed > 0])
        corners.add((rows.min(), columns.min()))
    assert {row for row, _ in corners} == set(range(28 - 6 + 1))
    assert {column for _, column in corners} == set(range(20 - 6 + 1))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_augmentation_applies_the_steps_it_names(images, augmentation):
    def seeded():
        return keras.random.SeedGenerator(5)

    expected, steps = images, seeded()
    if augmentation in ("shift", "shift+cutout"):
        expected = shift(expected, steps)
    if augmentation in ("cutout", "shift+cutout"):
        expected = cutout(expected, steps)
    np.testing.assert_array_equal(augment(images, augmentation, seeded()), expected)


def test_every_batch_is_augmented_differently(images, seed_generator):
    first, second = (ops.convert_to_numpy(augment(images, "shift", seed_generator)) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's XLA, as used with a GPU")
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
