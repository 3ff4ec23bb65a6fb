"""What trials left in their folders and no database holds: the ends of logs, and pictures.

The page is made without them where the folders are out of reach.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sweep.redaction import hide_passwords
from sweep.reporting.formatting import heading
from sweep.storage.study_data import StudyData
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder

NUM_LINES = 15
TAIL_BYTES = 16_000
MAX_PICTURES = 8
MAX_PICTURE_BYTES = 600_000  # so that a page stays light
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\t\x20-\U0010ffff]")


class LogTail(NamedTuple):
    """The last lines of the log of an attempt that failed."""

    cause: str
    number: int
    attempt: int
    lines: str


class Picture(NamedTuple):
    """A picture of the best trial, as an address that holds all of it."""

    caption: str
    address: str


def log_tails(data: StudyData) -> list[LogTail]:
    """For each cause, the newest failed attempt whose log can be read and says something."""
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
    """The last lines of a log as plain text, passwords in URLs hidden; empty where it cannot be read."""
    text = hide_passwords(folder.read_log(TAIL_BYTES)).replace("\r\n", "\n")
    lines = [line.rpartition("\r")[2] for line in text.split("\n")]
    shown = [_CONTROL.sub("", line).rstrip() for line in lines]
    return "\n".join([line for line in shown if line][-NUM_LINES:])


def pictures(data: StudyData) -> list[Picture]:
    """The PNG files that the best trial's last attempt left among its artifacts."""
    for best in data.complete_trials.head(1).to_dict("records"):
        attempts = data.attempts[data.attempts["number"] == best["number"]].tail(1)
        for attempt in attempts.to_dict("records") if isinstance(best["folder"], str) else []:
            return _read_pictures(_folder(best["folder"], attempt).artifacts)
    return []


def _read_pictures(folder: Path) -> list[Picture]:
    found = []
    try:
        for file in sorted(folder.glob("*.png"))[:MAX_PICTURES]:
            if file.stat().st_size <= MAX_PICTURE_BYTES:
                content = base64.b64encode(file.read_bytes()).decode()
                found.append(Picture(heading(file.stem), f"data:image/png;base64,{content}"))
    except OSError:  # the folder is out of reach, or went away meanwhile
        return found
    return found


def _folder(trial: str, attempt: Mapping[Any, Any]) -> AttemptFolder:
    return attempt_folder(Path(trial), attempt["attempt"], attempt["token"])
