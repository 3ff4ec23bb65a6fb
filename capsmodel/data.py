"""Data sets: present, checked, and split."""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch

from capsmodel import kmnist
from capsmodel.errors import DataError

NAMES = "kmnist, digits, or the path of a .npz file"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
DIGITS_SIDE = 28  # pixels, up from 8
DIGITS_TEST_FRACTION = 0.2
# what np.load says to damaged files; TypeError to a whole .npy file
UNREADABLE = (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


class Dataset(NamedTuple):
    """Images are uint8, (num_images, height, width, channels); labels int32 from 0, (num_images,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    sha256: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self.x_train.shape[1:]

    @property
    def num_classes(self) -> int:
        return int(self.y_train.max()) + 1


def fetch(dataset: str, data_dir: Path | None = None, base_url: str = kmnist.BASE_URL) -> str:
    """Make a data set present, downloading what is missing, and return its checksum.

    Args:
        dataset: "kmnist", "digits" (comes with scikit-learn), or the path of a .npz file.
        data_dir: the folder that holds the files; without one, this user's cache folder for kmnist and
            the working directory for a .npz file.
        base_url: where kmnist's files are.

    Raises:
        DataError: the data set is unknown, missing, unreachable or damaged.
    """
    if dataset == "kmnist":
        return kmnist.fetch_kmnist(_kmnist_folder(data_dir), base_url)
    return verify(dataset, data_dir)


def verify(dataset: str, data_dir: Path | None = None) -> str:
    """The checksum of a data set that is present, without any network; see `fetch`."""
    if dataset == "kmnist":
        return kmnist.verify_kmnist(_kmnist_folder(data_dir))
    return load_dataset(dataset, data_dir).sha256


def load_dataset(dataset: str, data_dir: Path | None = None) -> Dataset:
    """Load a data set that is present, and check that a network can learn from it.

    Raises:
        DataError: it is unknown, missing or damaged; or its shapes, dtypes or labels are wrong.
    """
    if dataset == "kmnist":
        folder = _kmnist_folder(data_dir)
        sha256 = kmnist.verify_kmnist(folder)
        arrays = dict(zip(ARRAYS, kmnist.read_kmnist(folder), strict=True))
    elif dataset == "digits":
        arrays = _digits()
        sha256 = hashlib.sha256(b"".join(arrays[name].tobytes() for name in ARRAYS)).hexdigest()
    elif dataset.endswith(".npz"):
        path = (data_dir or Path()) / dataset
        arrays = _read_npz(path)
        sha256 = pooch.file_hash(path)
    else:
        raise DataError(f"unknown data set {dataset!r}; expected {NAMES}")
    return _checked(arrays, sha256, dataset)


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """A random permutation of the indices in whose every prefix the classes keep their proportions."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    place = np.empty(len(labels))  # of each image within its class, from 0 to 1
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def split_validation(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training labels' indices, split into those to train on and those to validate on, both sorted.

    Args:
        labels: of the training images, (num_images,).
        fraction: of the images that validate; each class gives its share.
        seed: of the choice.

    Raises:
        DataError: one of the two parts would be empty.
    """
    num_validation = round(fraction * len(labels))
    if not 0 < num_validation < len(labels):
        raise DataError(
            f"a validation fraction of {fraction} of {len(labels)} training images makes {num_validation}; "
            "expected at least 1 image to validate on and 1 to train on"
        )
    order = stratified_order(labels, seed)
    return np.sort(order[num_validation:]), np.sort(order[:num_validation])


def _kmnist_folder(data_dir: Path | None) -> Path:
    return data_dir or pooch.os_cache("capsweep") / "kmnist"


def _digits() -> dict[str, np.ndarray]:
    """Scikit-learn's 1,797 digits, drawn larger by linear interpolation, with a fixed test split."""
    from sklearn.datasets import load_digits  # takes a second to import; the other data sets need not pay

    bunch = load_digits()
    small = bunch.images  # (1797, 8, 8), from 0 to 16
    places = np.linspace(0, small.shape[1] - 1, DIGITS_SIDE)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(small.shape[1])))  # (28, 8)
    images = np.rint(weights @ small @ weights.T * (255 / 16)).astype(np.uint8)
    order = stratified_order(bunch.target, seed=0)
    test, training = np.split(order, [round(DIGITS_TEST_FRACTION * len(order))])
    arrays = (images[training], bunch.target[training], images[test], bunch.target[test])
    return dict(zip(ARRAYS, arrays, strict=True))


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; correct `dataset:` or --data-dir, or choose from {NAMES}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            found = list(saved.files)
            arrays = {name: saved[name] for name in ARRAYS if name in found}
    except UNREADABLE as error:
        raise DataError(f"{path}: not a whole .npz file ({error}); write or copy it again") from error
    if len(arrays) < len(ARRAYS):
        raise DataError(f"{path}: holds {', '.join(found) or 'nothing'}; expected {', '.join(ARRAYS)}")
    return arrays


def _checked(arrays: dict[str, np.ndarray], sha256: str, source: str) -> Dataset:
    """The arrays as a Dataset, or a DataError that says which of them is wrong, and how."""
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise DataError(
                f"{source}: x_{part} is {images.dtype} {images.shape}; expected uint8 images from 0 to 255, "
                "(images, height, width) or (images, height, width, channels)"
            )
        if not np.issubdtype(labels.dtype, np.integer) or labels.shape != images.shape[:1]:
            raise DataError(
                f"{source}: y_{part} is {labels.dtype} {labels.shape}; expected one whole number for each of "
                f"the {len(images)} images of x_{part}"
            )
        if len(images) == 0:
            raise DataError(f"{source}: x_{part} has no images; expected at least one")
    x_train, y_train, x_test, y_test = (arrays[name] for name in ARRAYS)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{source}: images of x_train are {x_train.shape[1:]}, those of x_test {x_test.shape[1:]}; "
            "expected one size for both"
        )
    counts = np.bincount(y_train) if y_train.min() >= 0 else np.zeros(1)
    if not counts.all():
        raise DataError(
            f"{source}: y_train holds the labels {_listed(y_train)}; expected whole numbers from 0 on, each "
            "at least once: number the classes anew, leaving none empty"
        )
    if y_test.min() < 0 or y_test.max() >= len(counts):
        raise DataError(
            f"{source}: y_test holds the labels {_listed(y_test)}; expected only those of y_train, 0 to "
            f"{len(counts) - 1}"
        )
    if x_train.ndim == 3:
        x_train, x_test = x_train[..., None], x_test[..., None]
    return Dataset(x_train, y_train.astype(np.int32), x_test, y_test.astype(np.int32), sha256)


def _listed(labels: np.ndarray) -> str:
    distinct = np.unique(labels)
    shown = ", ".join(str(label) for label in distinct[:10])
    return shown if len(distinct) <= 10 else f"{shown}, …, {distinct[-1]}"
