"""A download that goes on where it was cut off."""

import logging
import shutil
from pathlib import Path

import requests

logger = logging.getLogger(__name__)

ATTEMPTS = 3  # for each file; each goes on from where the last was cut off
TIMEOUT_SECONDS = 30  # to connect, and between two pieces
PIECE_BYTES = 1 << 14  # of which the last is lost when a download is cut off
CUT_OFF = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def resume_download(url: str, output_file: str, pooch: object = None) -> None:
    """A pooch downloader that keeps what has arrived in `<file>.part` and asks for the rest.

    Pooch checks the whole file's hash afterwards, so a part that belongs to another version of the file
    is noticed; by then it is no longer there, and the next download starts anew.

    Args:
        url: http or https address of the file.
        output_file: pooch's temporary file, in the folder that the file will be in.
        pooch: unused.

    Raises:
        requests.RequestException: the last attempt failed too; the part stays.
    """
    part = Path(output_file).with_name(url.rsplit("/", 1)[-1] + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch_rest(url, part)
            break
        except CUT_OFF as error:
            if attempt == ATTEMPTS:
                raise
            logger.info("download of %s was cut off (%s); going on", url, short_reason(error))
    shutil.move(part, output_file)


def short_reason(error: BaseException) -> str:
    """The innermost error's own words: what wraps it repeats the address and the names of classes."""
    reason = error
    while reason.args and isinstance(inner := getattr(reason.args[0], "reason", reason.args[0]), Exception):
        reason = inner
    return str(reason).rpartition("): ")[2] or str(reason)


def _fetch_rest(url: str, part: Path) -> None:
    """Append to `part` what it lacks of the file at `url`."""
    present = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # the file as it lies there: lengths and hashes are of it
    if present:
        headers["Range"] = f"bytes={present}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is lacking; if the part is not the file, its hash will tell
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        with part.open("ab" if resumed else "wb") as file:
            for piece in response.iter_content(PIECE_BYTES):
                file.write(piece)
