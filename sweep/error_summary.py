"""The one line of an error that says most: for a traceback, the exception."""

import re

from sweep.redaction import hide_passwords
from sweep.terminal_text import without_sequences

MAX_LENGTH = 300
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning|Invalid|Stop\w*)(:|$)")


def error_summary(error: str | None) -> str | None:
    """Return one line that summarizes an error; None without an error.

    It is the exception of the last traceback if the error contains one, otherwise the last line. Control
    characters and passwords are removed.
    """
    lines = [line.rstrip() for line in (error or "").splitlines() if line.strip()]
    if not lines:
        return None
    start = next((n for n in reversed(range(len(lines))) if lines[n].startswith("Traceback (most")), None)
    after = lines[start + 1 :] if start is not None else []
    # A message of several lines follows the frames, which are indented.
    exception = next(
        (line for line in after if not line.startswith(" ") and _EXCEPTION.match(line)), lines[-1]
    )
    return shortened_line(exception)


def shortened_line(text: str) -> str:
    """Return text as one line of limited length, without control characters and passwords."""
    words = " ".join(hide_passwords(without_sequences(text)).split())
    return words if len(words) <= MAX_LENGTH else f"{words[:MAX_LENGTH]}…"
