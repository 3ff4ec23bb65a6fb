import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from capsmodel.config import CapsNetConfig
from capsmodel.network.model import build_capsnet
from capsmodel.training.pictures import draw_perturbations, draw_reconstructions, save_pictures


@pytest.fixture
def capsnet(small_config):
    keras.utils.set_random_seed(3)
    return build_capsnet(small_config)


def tile_at(picture, row, column):
    """Return one of the images of a drawing at its original size of 20 × 22 pixels."""
    top, left = 2 + row * 42, 2 + column * 46
    return picture[top : top + 40 : 2, left : left + 44 : 2]


def pixels(images):
    return np.rint(255 * ops.convert_to_numpy(images)).astype("uint8")


def test_images_are_drawn_above_their_reconstructions(capsnet, small_images):
    images = np.concatenate(
        [small_images, small_images[:3]]
    )  # 12 images, drawn as a row of 10 and a row of 2
    picture = draw_reconstructions(capsnet, images)
    assert picture.shape == (2 + 4 * 42, 2 + 10 * 46, 1)
    _, reconstructions = capsnet.prediction(ops.convert_to_tensor(images / np.float32(255)))
    for number, (image, reconstruction) in enumerate(zip(images, pixels(reconstructions), strict=True)):
        row, column = 2 * (number // 10), number % 10
        np.testing.assert_array_equal(tile_at(picture, row, column), image)
        np.testing.assert_array_equal(tile_at(picture, row + 1, column), reconstruction)
    assert (tile_at(picture, 2, 5) == 128).all()


def test_perturbations_change_each_dimension_of_longest_capsule_in_eleven_steps(capsnet, small_images):
    picture = draw_perturbations(capsnet, small_images[0])
    assert picture.shape == (2 + 5 * 42, 2 + 11 * 46, 1)
    capsules = ops.convert_to_numpy(
        capsnet.encoder(ops.convert_to_tensor(small_images[:1] / np.float32(255)))
    )[0]
    winner = np.linalg.norm(capsules, axis=1).argmax()
    for dimension, column, change in [(0, 0, -0.25), (3, 4, -0.05), (3, 5, 0.0), (4, 10, 0.25)]:
        masked = np.zeros_like(capsules)
        masked[winner] = capsules[winner]
        masked[winner, dimension] += change
        expected = pixels(capsnet.decoder(masked.reshape(1, -1)))[0]
        found = tile_at(picture, dimension, column)
        np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB")])
def test_pictures_are_saved_as_png_with_expected_size_and_mode(tmp_path, channels, mode):
    capsnet = build_capsnet(
        CapsNetConfig((17, 17, channels), 2, conv_filters=2, primary_channels=1, decoder_widths=(3,))
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 17, 17, channels), dtype=np.uint8)
    save_pictures(capsnet, images, tmp_path)
    for name, size in [
        ("reconstructions", (2 * 36 + 2, 2 * 36 + 2)),
        ("perturbations", (11 * 36 + 2, 16 * 36 + 2)),
    ]:
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.size == size
            assert picture.mode == mode
