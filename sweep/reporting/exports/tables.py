"""The export of a study as CSV, as Parquet, and as Markdown for a pull request."""

import io
import re
from importlib.util import find_spec

import pandas as pd

from sweep.errors import MissingPackageError
from sweep.reporting.formatting import format_metric, heading
from sweep.reporting.summary import format_states, summarize
from sweep.reporting.table import Table, trials_table
from sweep.storage.study_data import StudyData

MAX_ROWS = 20


def csv(frame: pd.DataFrame) -> bytes:
    """Return a DataFrame as CSV in UTF-8."""
    return frame.to_csv(index=False).encode()


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a DataFrame as Parquet.

    A column of mixed types, such as one with the choices 0.5 and "auto", is written as text.

    Raises:
        MissingPackageError: If pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise MissingPackageError("Parquet files", "pyarrow", "parquet")
    objects: pd.DataFrame = frame.select_dtypes("object", exclude="str")
    mixed = [name for name in objects if objects[name].dropna().map(type).nunique() > 1]
    text = {str(name): objects[name].map(str, na_action="ignore").astype("str") for name in mixed}
    buffer = io.BytesIO()
    frame.assign(**text).to_parquet(buffer, index=False)
    return buffer.getvalue()


def markdown(data: StudyData) -> bytes:
    """Return a sentence about a study and a table of its best trials as Markdown in UTF-8."""
    summary = summarize(data)
    result = "no complete trial yet"
    if summary.best:
        value = format_metric(data.metric, summary.best["value"])
        result = f"best {heading(data.metric)} **{value}** (trial {summary.best['number']})"
    states, spent = format_states(summary.num_by_state), f"{summary.gpu_hours} GPU hours"
    lines = [f"**{_escaped(data.name)}**: {_escaped(result, keep='*')}. {states}. {spent}.", ""]
    lines += _rows(trials_table(data, MAX_ROWS))
    if len(data.trials) > MAX_ROWS:
        lines += ["", f"These are the best {MAX_ROWS} of {len(data.trials):,} trials."]
    return "\n".join([*lines, ""]).encode()


def _rows(table: Table) -> list[str]:
    rows = [[column.heading for column in table.columns], *(row.cells for row in table.rows)]
    lines = ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows]
    rule = "|" + "|".join("--:" if column.numeric else "---" for column in table.columns) + "|"
    return [lines[0], rule, *lines[1:]]


def _escaped(text: str, keep: str = "") -> str:
    """Return text on one line, with the characters escaped that Markdown would interpret."""
    special = "".join(character for character in r"\`*_[]<>|#~" if character not in keep)
    return re.sub(f"([{re.escape(special)}])", r"\\\1", " ".join(text.split()))
