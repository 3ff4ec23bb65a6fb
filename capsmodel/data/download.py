"""Download files, and resume interrupted downloads."""

import logging
import shutil
from pathlib import Path

import requests

logger = logging.getLogger(__name__)

MAX_TRIES = 3  # for each file; each attempt resumes the previous one
TIMEOUT_SECONDS = 30  # the longest time to connect, and between two pieces of a response
PIECE_BYTES = 1 << 14  # an interruption loses at most one piece
INTERRUPTIONS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def resume_download(url: str, output_file: str, pooch: object = None) -> None:
    """Download a file, and resume an earlier incomplete download of it from `<file>.part`.

    This function is a downloader for Pooch, which then verifies the checksum of the complete file. If the
    incomplete download was of another version of the file, the checksum is wrong. The `.part` file has
    been moved by then, so the next download starts from the beginning.

    Args:
        url: The http or https address of the file.
        output_file: Pooch's temporary file, in the folder of the final file.
        pooch: The instance of Pooch, which is not used.

    Raises:
        requests.RequestException: If the last of MAX_TRIES attempts fails. The `.part` file is kept.
    """
    part = Path(output_file).with_name(url.rsplit("/", 1)[-1] + ".part")
    for attempt in range(1, MAX_TRIES + 1):
        try:
            _fetch_rest(url, part)
            break
        except INTERRUPTIONS as error:
            if attempt == MAX_TRIES:
                raise
            logger.info("the download of %s was interrupted (%s); resuming it", url, short_reason(error))
    shutil.move(part, output_file)


def short_reason(error: BaseException) -> str:
    """Return the message of the innermost error, without the text that libraries wrap around it."""
    reason = error
    while reason.args and isinstance(inner := getattr(reason.args[0], "reason", reason.args[0]), Exception):
        reason = inner
    return str(reason).rpartition("): ")[2] or str(reason)


def _fetch_rest(url: str, part: Path) -> None:
    """Append the missing bytes of the file at `url` to `part`."""
    num_present = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # so that ranges and checksums are those of the file itself
    if num_present:
        headers["Range"] = f"bytes={num_present}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # the file is complete; Pooch detects wrong content by the checksum
        response.raise_for_status()
        is_resumed = response.status_code == requests.codes.partial_content
        with part.open("ab" if is_resumed else "wb") as file:
            for piece in response.iter_content(PIECE_BYTES):
                file.write(piece)
