"""Kuzushiji-MNIST: its four files, where they come from, and how they are read.

"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and others),
doi:10.20676/00000341, licence CC BY-SA 4.0.
"""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pooch
import requests

from capsmodel.download import resume_download, short_reason
from capsmodel.errors import DataError

BASE_URL = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
SHA256 = {
    "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
}


def fetch_kmnist(folder: Path, base_url: str = BASE_URL) -> str:
    """Download the files that are missing or damaged; see `verify_kmnist` for what is returned.

    Nothing under a file's own name is ever half written: downloads end in `<file>.part` when cut off,
    from where the next one goes on, and are renamed once their hash is right.

    Raises:
        DataError: a file could not be had, or is not the one expected.
    """
    files = pooch.create(folder, base_url, registry=SHA256)
    for name in SHA256:
        try:
            files.fetch(name, downloader=resume_download)
        except (requests.RequestException, OSError, ValueError) as error:
            raise DataError(
                f"could not fetch {base_url}{name} into {folder}: {short_reason(error)}\n"
                "Try again: what has arrived is kept. Without a network, copy the four files of the data set "
                "into a folder and pass it as --data-dir, or choose another `dataset:`, such as digits."
            ) from error
    return verify_kmnist(folder)


def verify_kmnist(folder: Path) -> str:
    """The data set's checksum: the sha256 of its files' sha256 sums, in the order of `SHA256`.

    Raises:
        DataError: a file is missing or not the one expected.
    """
    advice = f"run: sweep data fetch kmnist --data-dir {folder}\nor pass another --data-dir."
    missing = [name for name in SHA256 if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder}: kmnist is not complete there, {', '.join(missing)} missing; {advice}")
    for name, expected in SHA256.items():
        found = pooch.file_hash(folder / name)
        if found != expected:
            raise DataError(f"{folder / name}: damaged, its sha256 is {found}, expected {expected}; {advice}")
    return hashlib.sha256("\n".join(SHA256.values()).encode()).hexdigest()


def read_kmnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images and labels, test images and labels, uint8, from files that have been verified."""
    x_train, y_train, x_test, y_test = (_read_idx(folder / name) for name in SHA256)
    return x_train, y_train, x_test, y_test


def _read_idx(path: Path) -> np.ndarray:
    """An array in MNIST's idx format: 0, 0, the type, the number of dimensions; the sizes; the bytes."""
    data = gzip.decompress(path.read_bytes())
    num_dimensions = data[3]
    shape = np.frombuffer(data, ">i4", num_dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * num_dimensions).reshape(shape)
