"""Writing the report of a study: a page, and files for other tools."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from sweep.errors import InputError
from sweep.reporting.exports.images import png
from sweep.reporting.exports.json_document import document
from sweep.reporting.exports.latex import latex
from sweep.reporting.exports.tables import csv, exported_trials, markdown, parquet
from sweep.reporting.exports.vector_images import vector
from sweep.reporting.page.comparison import comparison
from sweep.reporting.page.page import page
from sweep.reporting.redacted_study import without_passwords
from sweep.storage.study_data import StudyData
from sweep.worker.atomic_file import write_atomically

FORMATS: Mapping[str, Callable[[StudyData], Mapping[str, bytes]]] = {
    "html": lambda data: {"report.html": page(data)},
    "csv": lambda data: {"trials.csv": csv(exported_trials(data)), "epochs.csv": csv(data.epochs)},
    "parquet": lambda data: {
        "trials.parquet": parquet(exported_trials(data)),
        "epochs.parquet": parquet(data.epochs),
    },
    "markdown": lambda data: {"report.md": markdown(data)},
    "json": lambda data: {"report.json": document(data)},
    "latex": lambda data: {"tables.tex": latex(data)},
    "png": png,
    "svg": lambda data: vector(data, "svg"),
    "pdf": lambda data: vector(data, "pdf"),
}
ON_REQUEST = ("latex", "png", "svg", "pdf")
"""The formats for other documents, which show nothing that the page does not show."""


def usual_formats() -> list[str]:
    """Return the formats of a report, and Parquet only if its package is installed."""
    has_parquet = find_spec("pyarrow") is not None
    return [name for name in FORMATS if name not in ON_REQUEST and (has_parquet or name != "parquet")]


def write_report(
    data: StudyData, output: Path, formats: Sequence[str] | None = None, reload_s: float | None = None
) -> list[Path]:
    """Write a study in each format into a folder.

    A file that exists is replaced in one step, so that no reader finds an incomplete one. Passwords in URLs
    are hidden.

    Args:
        data: The study.
        output: The folder to write to; it is created if it does not exist.
        formats: Names of `FORMATS`; None means `usual_formats`.
        reload_s: After how many seconds the page reloads itself; None if it will not be written again.

    Returns:
        The files that were written.

    Raises:
        InputError: If a format is unknown or needs something that is not installed, or if the folder cannot
            be written to.
    """
    formats = usual_formats() if formats is None else formats
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"no report format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")
    data = without_passwords(data)
    contents: dict[str, bytes] = {}
    for name in formats:
        contents |= {"report.html": page(data, reload_s)} if name == "html" else FORMATS[name](data)
    return _write_all(output, contents)


def write_comparison(studies: Sequence[StudyData], output: Path) -> Path:
    """Write the page that compares studies into a folder, and return its path.

    Raises:
        InputError: If the studies have different objectives, or the folder cannot be written to.
    """
    content = comparison([without_passwords(study) for study in studies])
    return _write_all(output, {"comparison.html": content})[0]


def _write_all(output: Path, contents: Mapping[str, bytes]) -> list[Path]:
    paths = [output / file for file in contents]
    try:
        output.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents.values(), strict=True):
            write_atomically(path, content)
    except OSError as error:
        raise InputError(
            f"cannot write the report to {output}: {error.strerror}\n"
            "choose a folder that you may write to with --output"
        ) from error
    return paths
