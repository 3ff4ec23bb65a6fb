"""Files in the trials' folders that a report shows: the ends of logs, and pictures.

A report omits them if the folders cannot be read.
"""

import base64
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sweep.redaction import hide_passwords
from sweep.reporting.formatting import heading
from sweep.storage.study_data import StudyData
from sweep.terminal_text import without_sequences
from sweep.worker.artifacts import read_pictures
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder

NUM_LINES = 15
TAIL_BYTES = 16_000
MAX_PICTURES = 8
MAX_PICTURE_BYTES = 600_000  # larger pictures would make the page slow to load


class LogTail(NamedTuple):
    """The last lines of the log of a failed attempt."""

    cause: str
    number: int
    attempt: int
    lines: str


class Picture(NamedTuple):
    """A picture of the best trial: its caption, and a data URL with its content."""

    caption: str
    address: str


def log_tails(data: StudyData) -> list[LogTail]:
    """Return the end of one log for each cause of failure: the newest log that is readable and not empty."""
    failed = data.attempts[data.attempts["cause"].notna()].iloc[::-1]
    folders = data.trials.set_index("number")["folder"]
    tails: dict[str, LogTail] = {}
    for row in failed.to_dict("records"):
        if row["cause"] not in tails and isinstance(folders.get(row["number"]), str):
            lines = read_tail(_folder(folders[row["number"]], row))
            if lines:
                tails[row["cause"]] = LogTail(row["cause"], row["number"], row["attempt"], lines)
    return list(tails.values())


def read_tail(folder: AttemptFolder) -> str:
    """Return the last lines of a log as plain text, with passwords hidden.

    Control sequences of terminals are removed, and other characters that a terminal obeys are escaped. The
    text is empty if the log cannot be read.
    """
    text = hide_passwords(without_sequences(folder.read_log(TAIL_BYTES)))
    lines = [line.rstrip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-NUM_LINES:])


def pictures(data: StudyData) -> list[Picture]:
    """Return the PNG files among the artifacts of the best trial's last attempt.

    With several objectives, no trial is the best, so there are none.
    """
    for best in data.best_trials.to_dict("records") if data.goals.is_single else []:
        attempts = data.attempts[data.attempts["number"] == best["number"]].tail(1)
        for attempt in attempts.to_dict("records") if isinstance(best["folder"], str) else []:
            return _read_pictures(_folder(best["folder"], attempt).artifacts)
    return []


def _read_pictures(folder: Path) -> list[Picture]:
    return [
        Picture(
            heading(name.removesuffix(".png")),
            f"data:image/png;base64,{base64.b64encode(content).decode()}",
        )
        for name, content in islice(read_pictures(folder, MAX_PICTURE_BYTES), MAX_PICTURES)
    ]


def _folder(trial: str, attempt: Mapping[Any, Any]) -> AttemptFolder:
    return attempt_folder(Path(trial), attempt["attempt"], attempt["token"])
