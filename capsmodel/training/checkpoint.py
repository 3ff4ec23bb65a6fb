"""Checkpoints, which contain everything that training needs to continue after an epoch."""

import json
import logging
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

logger = logging.getLogger(__name__)

NUM_KEPT = 2  # the newest checkpoint, and the one before it in case the newest is damaged


class Checkpoint(NamedTuple):
    """The state of training after an epoch.

    Attributes:
        history: The metrics of each epoch so far.
        arrays: The variables of the training, in the order in which they were saved.
    """

    history: list[dict[str, float]]
    arrays: list[np.ndarray]


def save_checkpoint(folder: Path, history: list[dict[str, float]], arrays: Sequence[np.ndarray]) -> None:
    """Write a checkpoint, and delete all but the newest two.

    The file is written under a temporary name and renamed, so an interrupted write leaves no checkpoint.

    Args:
        folder: The folder for checkpoints. It must exist.
        history: The metrics of each epoch so far.
        arrays: The variables of the training.
    """
    path = folder / f"epoch-{len(history):05d}.npz"
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, *arrays, history=np.array(json.dumps(history)))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    for old in _newest_first(folder)[NUM_KEPT:]:
        old.unlink()


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """Load the newest intact checkpoint, and log a warning for each damaged one.

    Args:
        folder: The folder for checkpoints.

    Returns:
        The checkpoint, or None if the folder has no intact one.
    """
    for path in _newest_first(folder):
        try:
            # Reading an array verifies its CRC.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                arrays = [saved[f"arr_{number}"] for number in range(len(saved.files) - 1)]
                return Checkpoint(json.loads(str(saved["history"])), arrays)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            logger.warning("checkpoint %s is damaged (%s); loading the previous one", path, error)
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"), reverse=True)
