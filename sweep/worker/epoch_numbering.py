"""The numbers of epochs, which a program may count from 0 and which are counted from 1 here."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from sweep.worker.atomic_file import write_atomically
from sweep.worker.attempt_folder import MAX_DOCUMENT_BYTES, AttemptFolder
from sweep.worker.documents import MAX_EPOCH
from sweep.worker.regular_file import UnusableFileError, read_regular


class EpochNumbering:
    """Counts epochs from 1, whether or not their source counts from 0.

    The numbers of a source that has an epoch 0 are increased by one. This holds for the later attempts of
    the trial as well, which may continue at a later epoch.
    """

    def __init__(self, folder: AttemptFolder, earlier_attempts: Sequence[AttemptFolder] = ()) -> None:
        self._folder = folder
        self._from_zero = {name for earlier in earlier_attempts for name in _recorded(earlier)}
        if self._from_zero:
            self._record()

    def number(self, source: str, epoch: Any) -> int | None:
        """Return the number of an epoch, counted from 1; None if it is not a whole number from 0.

        Args:
            source: The name of the source that the epoch was found in.
            epoch: The number as the source states it.
        """
        try:
            number = float(epoch)
        except (TypeError, ValueError, OverflowError):
            return None
        if isinstance(epoch, bool) or not math.isfinite(number) or number != int(number):
            return None
        if number == 0 and source not in self._from_zero:
            self._from_zero.add(source)
            self._record()
        shifted = int(number) + (source in self._from_zero)
        return shifted if number >= 0 and shifted <= MAX_EPOCH else None

    def _record(self) -> None:
        write_atomically(self._folder.counts_from_zero, json.dumps(sorted(self._from_zero)))


def _recorded(folder: AttemptFolder) -> set[str]:
    """Return the sources that were found to count from 0 in an attempt."""
    try:
        names = json.loads(read_regular(folder.counts_from_zero, MAX_DOCUMENT_BYTES))
    except (OSError, UnusableFileError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
