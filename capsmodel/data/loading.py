"""Fetch, verify and load data sets by name."""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pooch

from capsmodel.data import digits, kmnist
from capsmodel.data.dataset import ARRAYS, Dataset, build_dataset
from capsmodel.errors import DataError

NAMES = "kmnist, digits, or the path of a .npz file"
# np.load raises these errors for damaged files. A .npy file leads to a TypeError.
UNREADABLE = (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


def fetch(dataset: str, data_dir: Path | None = None, base_url: str = kmnist.BASE_URL) -> str:
    """Download the missing files of a data set, and verify it.

    Args:
        dataset: "kmnist", "digits" (which is included in scikit-learn), or the path of a .npz file.
        data_dir: The folder with the files. The default is a folder in the user's cache for kmnist, and
            the working directory for a .npz file.
        base_url: The address of the files of kmnist.

    Returns:
        The checksum of the data set.

    Raises:
        DataError: If the data set is unknown, missing, unreachable or damaged.
    """
    if dataset == "kmnist":
        return kmnist.fetch_kmnist(_kmnist_folder(data_dir), base_url)
    return verify(dataset, data_dir)


def verify(dataset: str, data_dir: Path | None = None) -> str:
    """Verify a data set without network access.

    Args:
        dataset: As for `fetch`.
        data_dir: As for `fetch`.

    Returns:
        The checksum of the data set.

    Raises:
        DataError: If the data set is unknown, missing or damaged.
    """
    if dataset == "kmnist":
        return kmnist.verify_kmnist(_kmnist_folder(data_dir))
    return load_dataset(dataset, data_dir).sha256


def load_dataset(dataset: str | None, data_dir: Path | None = None) -> Dataset:
    """Load a data set without network access, and check that a network can be trained on it.

    Args:
        dataset: As for `fetch`.
        data_dir: As for `fetch`.

    Returns:
        The data set.

    Raises:
        DataError: If the data set is unknown, missing or damaged, or its shapes, dtypes or labels are
            unsuitable.
    """
    if dataset == "kmnist":
        folder = _kmnist_folder(data_dir)
        sha256 = kmnist.verify_kmnist(folder)
        arrays = dict(zip(ARRAYS, kmnist.read_kmnist(folder), strict=True))
    elif dataset == "digits":
        arrays = dict(zip(ARRAYS, digits.load_digits(), strict=True))
        sha256 = hashlib.sha256(b"".join(arrays[name].tobytes() for name in ARRAYS)).hexdigest()
    elif dataset is not None and dataset.endswith(".npz"):
        path = (data_dir or Path()) / dataset
        arrays = _read_npz(path)
        sha256 = pooch.file_hash(path)
    else:
        raise DataError(f"unknown data set {dataset!r}; expected {NAMES}")
    return build_dataset(arrays, sha256, dataset)


def _kmnist_folder(data_dir: Path | None) -> Path:
    return data_dir or Path(pooch.os_cache("capsweep")) / "kmnist"


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; correct `dataset:` or --data-dir, or choose from {NAMES}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            found = list(saved.files)
            arrays = {name: saved[name] for name in ARRAYS if name in found}
    except UNREADABLE as error:
        raise DataError(f"{path}: not a complete .npz file ({error}); write or copy it again") from error
    if len(arrays) < len(ARRAYS):
        raise DataError(f"{path}: contains {', '.join(found) or 'no arrays'}; expected {', '.join(ARRAYS)}")
    return arrays
