import io

import numpy as np
import pytest

from capsmodel.data import fetch, load_dataset, verify
from capsmodel.errors import DataError

IMAGES = np.zeros((6, 20, 20), np.uint8)
GOOD = {"x_train": IMAGES, "y_train": np.arange(6) % 3, "x_test": IMAGES[:3], "y_test": np.arange(3)}


@pytest.fixture
def write_npz(tmp_path):
    def write(**changed):
        arrays = {name: array for name, array in {**GOOD, **changed}.items() if array is not None}
        np.savez(tmp_path / "letters.npz", **arrays)
        return tmp_path

    return write


def test_npz_file_is_loaded_from_data_dir(write_npz):
    data_dir = write_npz()
    dataset = load_dataset("letters.npz", data_dir)
    assert dataset.x_train.shape == (6, 20, 20, 1)
    assert dataset.x_train.dtype == np.uint8
    assert dataset.y_train.dtype == np.int32
    assert dataset.num_classes == 3
    assert dataset.input_shape == (20, 20, 1)
    assert fetch("letters.npz", data_dir) == verify("letters.npz", data_dir) == dataset.sha256


def test_absolute_npz_path_needs_no_data_dir(write_npz):
    assert load_dataset(str(write_npz() / "letters.npz")).num_classes == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_test": None}, "contains x_train, y_train, x_test; expected x_train, y_train, x_test, y_test"),
        ({"x_train": IMAGES / 2.0}, r"x_train is float64 \(6, 20, 20\); expected uint8 images from 0 to 255"),
        ({"x_test": IMAGES[:3, 0]}, r"x_test is uint8 \(3, 20\); expected uint8 images"),
        ({"y_train": np.arange(5)}, r"y_train is int64 \(5,\); expected one whole number for each of the 6"),
        ({"y_train": np.ones(6)}, r"y_train is float64 \(6,\)"),
        ({"y_train": np.eye(6, dtype=int)}, r"y_train is int64 \(6, 6\)"),
        ({"x_test": IMAGES[:0], "y_test": np.arange(0)}, "x_test has no images"),
        ({"x_test": np.zeros((3, 28, 28), np.uint8)}, r"x_train are \(20, 20\), those of x_test \(28, 28\)"),
        (
            {"y_train": np.array([0, 0, 1, 1, 3, 3])},
            "y_train contains the labels 0, 1, 3; .* none is empty",
        ),
        ({"y_train": np.array([-1, 0, 1, 2, 0, 1])}, "y_train contains the labels -1, 0, 1, 2"),
        ({"y_test": np.array([0, 1, 3])}, "y_test contains the labels 0, 1, 3; expected only .* 0 to 2"),
        ({"y_train": np.array(["a"] * 6)}, "y_train is <U1"),
        ({"y_train": np.zeros(6, int), "y_test": np.zeros(3, int)}, "y_train contains a single class"),
        (
            {"x_train": np.zeros((6, 16, 16), np.uint8), "x_test": np.zeros((3, 16, 16), np.uint8)},
            r"x_train are \(16, 16\); expected a height and a width of at least 17 pixels",
        ),
        (
            {"x_train": np.zeros((6, 3, 20, 20), np.uint8), "x_test": np.zeros((3, 3, 20, 20), np.uint8)},
            r"x_train are \(3, 20, 20\), with the channels first; .* numpy.moveaxis",
        ),
    ],
)
def test_unsuitable_npz_file_raises_error_that_names_array(write_npz, changed, message):
    with pytest.raises(DataError, match=message) as raised:
        load_dataset("letters.npz", write_npz(**changed))
    assert "letters.npz" in str(raised.value)


def test_missing_or_damaged_npz_file_raises_error(write_npz):
    data_dir = write_npz()
    with pytest.raises(DataError, match=r"words\.npz: no such file; correct `dataset:` or --data-dir"):
        load_dataset("words.npz", data_dir)
    intact = (data_dir / "letters.npz").read_bytes()
    array = io.BytesIO()
    np.save(array, IMAGES)
    for damaged in (
        intact[:-200],
        b"",
        b"not a zip",
        array.getvalue(),
        intact.replace(bytes(100), bytes(99) + b"!", 1),
    ):
        (data_dir / "letters.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"letters\.npz: not a complete \.npz file"):
            load_dataset("letters.npz", data_dir)


def test_objects_in_npz_file_are_not_unpickled(write_npz):
    with pytest.raises(DataError, match="not a complete"):
        load_dataset("letters.npz", write_npz(y_train=np.array([print] * 6, dtype=object)))


def test_unknown_name_raises_error_with_valid_names():
    with pytest.raises(DataError, match="unknown data set 'mnist'; expected kmnist, digits, or the path"):
        load_dataset("mnist")


def test_digits_of_scikit_learn_are_loaded():
    dataset = load_dataset("digits")
    assert dataset.x_train.shape == (1438, 28, 28, 1)
    assert dataset.x_test.shape == (359, 28, 28, 1)
    assert dataset.num_classes == 10
    assert (dataset.x_train.min(), dataset.x_train.max()) == (0, 255)
    assert np.bincount(dataset.y_test).min() >= 34  # 20 % of the smallest class, which has 174 images
    assert fetch("digits") == verify("digits") == dataset.sha256


def test_npz_file_of_real_images_is_loaded(kmnist_npz):
    dataset = load_dataset(kmnist_npz.name, kmnist_npz.parent)
    assert dataset.x_train.shape == (6500, 28, 28, 1)
    assert dataset.x_test.shape == (1500, 28, 28, 1)
    assert dataset.num_classes == 10
