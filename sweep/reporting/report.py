"""A study written down: a page to look at, and files for other tools."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sweep.errors import InputError
from sweep.reporting.exports.json_document import document
from sweep.reporting.exports.png import png
from sweep.reporting.exports.tables import csv, markdown, parquet
from sweep.reporting.page.comparison import comparison
from sweep.reporting.page.page import page
from sweep.reporting.redacted_study import without_passwords
from sweep.storage.study_data import StudyData

FORMATS: Mapping[str, Callable[[StudyData], Mapping[str, bytes]]] = {
    "html": lambda data: {"report.html": page(data)},
    "csv": lambda data: {"trials.csv": csv(data.trials), "epochs.csv": csv(data.epochs)},
    "parquet": lambda data: {
        "trials.parquet": parquet(data.trials),
        "epochs.parquet": parquet(data.epochs),
    },
    "markdown": lambda data: {"report.md": markdown(data)},
    "json": lambda data: {"report.json": document(data)},
    "png": png,
}
USUAL = ("html", "csv", "parquet", "markdown", "json")  # a PNG needs a Chrome, and the page says as much


def write_report(
    data: StudyData, output: Path, formats: Sequence[str] = USUAL, reload_s: float | None = None
) -> list[Path]:
    """Write the study in each format into the folder `output`, and return the files.

    A file that exists is replaced in one step, so that a reader never sees half of one. Passwords in URLs
    are left out. A page that is going to be written again reloads itself after `reload_s`.

    Raises
    ------
    InputError
        When there is no such format, or `output` cannot be written to, or a PNG has no Chrome to draw it.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"no report format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")
    data = without_passwords(data)
    contents: dict[str, bytes] = {}
    for name in formats:
        contents |= {"report.html": page(data, reload_s)} if name == "html" else FORMATS[name](data)
    return _write_all(output, contents)


def write_comparison(studies: Sequence[StudyData], output: Path) -> Path:
    """Write the page that sets these studies side by side into the folder `output`, and return it.

    Raises
    ------
    InputError
        When their objectives differ, or `output` cannot be written to.
    """
    return _write_all(
        output, {"comparison.html": comparison([without_passwords(study) for study in studies])}
    )[0]


def _write_all(output: Path, contents: Mapping[str, bytes]) -> list[Path]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        return [_write(output / file, content) for file, content in contents.items()]
    except OSError as error:
        raise InputError(
            f"cannot write the report to {output}: {error.strerror}\n"
            "name a folder that you may write to with --output"
        ) from error


def _write(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        return temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
