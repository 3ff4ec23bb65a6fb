"""Download, verify and read the four files of Kuzushiji-MNIST.

"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and others),
doi:10.20676/00000341, licence CC BY-SA 4.0.
"""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pooch
import requests

from capsmodel.data.download import resume_download, short_reason
from capsmodel.errors import DataError

BASE_URL = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
SHA256 = {
    "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
}


def fetch_kmnist(folder: Path, base_url: str = BASE_URL) -> str:
    """Download the files of the data set that are missing or damaged.

    An interrupted download is kept as `<file>.part`, and the next call resumes it. A file gets its own
    name only after its checksum has been verified.

    Args:
        folder: The folder for the files. It is created if necessary.
        base_url: The address of the files, ending in a slash.

    Returns:
        The checksum of the data set; see `verify_kmnist`.

    Raises:
        DataError: If a file could not be downloaded, or its checksum is wrong.
    """
    files = pooch.create(folder, base_url, registry=SHA256)
    for name in SHA256:
        try:
            files.fetch(name, downloader=resume_download)
        except (requests.RequestException, OSError, ValueError) as error:
            raise DataError(
                f"could not fetch {base_url}{name} into {folder}: {short_reason(error)}\n"
                "Run the command again to resume the download. Without network access, copy the four files "
                "of the data set into a folder and pass it as --data-dir, or choose another `dataset:`, such "
                "as digits."
            ) from error
    return verify_kmnist(folder)


def verify_kmnist(folder: Path) -> str:
    """Verify the checksums of the four files, without network access.

    Args:
        folder: The folder with the files.

    Returns:
        The checksum of the data set: the sha256 of its files' sha256 sums, in the order of `SHA256`.

    Raises:
        DataError: If a file is missing, or its checksum is wrong.
    """
    advice = f"run: sweep data fetch kmnist --data-dir {folder}\nor pass another --data-dir."
    missing = [name for name in SHA256 if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder}: kmnist is not complete; missing: {', '.join(missing)}; {advice}")
    for name, expected in SHA256.items():
        found = pooch.file_hash(folder / name)
        if found != expected:
            raise DataError(f"{folder / name}: damaged; its sha256 is {found}, expected {expected}; {advice}")
    return hashlib.sha256("\n".join(SHA256.values()).encode()).hexdigest()


def read_kmnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read the four files, whose checksums are not verified again.

    Args:
        folder: The folder with the verified files.

    Returns:
        The training images, their labels, the test images and their labels, all uint8. Images are
        (num_images, 28, 28).
    """
    x_train, y_train, x_test, y_test = (_read_idx(folder / name) for name in SHA256)
    return x_train, y_train, x_test, y_test


def _read_idx(path: Path) -> np.ndarray:
    """Read a gzip-compressed array in the idx format of MNIST.

    A file consists of two zero bytes, one byte for the type of the values, one byte for the number of
    dimensions, the size of each dimension as a big-endian integer of 32 bits, and the values.
    """
    data = gzip.decompress(path.read_bytes())
    num_dimensions = data[3]
    shape = np.frombuffer(data, ">i4", num_dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * num_dimensions).reshape(shape)
