"""Epoch checkpoints: what training needs to go on exactly where it stopped."""

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

KEPT = 2  # the newest, and the one before it in case the newest is torn


class Checkpoint(NamedTuple):
    """The state after the last epoch of `history`."""

    history: list[dict[str, float]]  # metrics of each epoch so far
    arrays: list[np.ndarray]


def save_checkpoint(folder: Path, history: list[dict[str, float]], arrays: Sequence[np.ndarray]) -> None:
    """Write a checkpoint under a temporary name, rename it, and delete all but the newest two."""
    path = folder / f"epoch-{len(history):05d}.npz"
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, *arrays, history=json.dumps(history))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink()


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole, or None; a damaged one is passed over with a warning."""
    for path in _newest_first(folder):
        try:
            # reading an array checks its CRC
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                arrays = [saved[f"arr_{number}"] for number in range(len(saved.files) - 1)]
                return Checkpoint(json.loads(str(saved["history"])), arrays)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            logger.warning("checkpoint %s is damaged (%s); trying the one before", path, error)
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"), reverse=True)
