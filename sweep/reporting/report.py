"""A study written down: a page to look at, and files for other tools."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sweep.errors import InputError
from sweep.reporting.exports import csv, markdown, parquet
from sweep.reporting.page import page
from sweep.reporting.passwords import without_passwords
from sweep.storage.study_data import StudyData

FORMATS: Mapping[str, Mapping[str, Callable[[StudyData], bytes]]] = {
    "html": {"report.html": page},
    "csv": {"trials.csv": lambda data: csv(data.trials), "epochs.csv": lambda data: csv(data.epochs)},
    "parquet": {
        "trials.parquet": lambda data: parquet(data.trials),
        "epochs.parquet": lambda data: parquet(data.epochs),
    },
    "markdown": {"report.md": markdown},
}


def write_report(
    data: StudyData, output: Path, formats: Sequence[str] = ("html", "csv", "parquet", "markdown")
) -> list[Path]:
    """Write the study in each format into the folder `output`, and return the files.

    A file that exists is replaced in one step, so that a reader never sees half of one. Passwords in URLs
    are left out.

    Raises
    ------
    InputError
        When there is no such format, or `output` cannot be written to.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"no report format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")
    data = without_passwords(data)
    contents = {file: make(data) for name in formats for file, make in FORMATS[name].items()}
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
