"""Passing checkpoints from one attempt of a trial to the next, and removing them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sweep.worker.attempt_folder import AttemptFolder


def resume(folder: AttemptFolder, earlier_attempts: Sequence[AttemptFolder]) -> None:
    """Copy the checkpoints and the reported epochs of the newest earlier attempt that has a checkpoint.

    The earlier attempt may still be running on a node that was given up. Its checkpoints are copied before
    its epochs: each epoch is reported before its checkpoint is written, so the epochs copied include
    every epoch of the checkpoint.
    """
    for earlier in earlier_attempts:
        if earlier.checkpoints.is_dir() and any(earlier.checkpoints.iterdir()):
            partial = folder.partial_checkpoints
            ignore_temporary = shutil.ignore_patterns(".*", "*.tmp*")
            shutil.copytree(str(earlier.checkpoints), str(partial), ignore=ignore_temporary)
            for report in earlier.read_all_epochs():
                folder.append_epoch(report)
            partial.rename(folder.checkpoints)
            return
    folder.checkpoints.mkdir()


def discard_checkpoints(folders: Sequence[AttemptFolder]) -> None:
    """Remove the checkpoints of a trial that has ended; they would fill the disk."""
    for folder in folders:
        shutil.rmtree(str(folder.checkpoints), ignore_errors=True)
