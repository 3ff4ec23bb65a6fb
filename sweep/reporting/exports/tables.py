"""The export of a study as CSV, as Parquet, and as Markdown for a pull request."""

import io
import re
from importlib.util import find_spec
from typing import Any

import pandas as pd

from sweep.definition.space import IntEntry
from sweep.errors import MissingPackageError
from sweep.markdown_text import markdown_text
from sweep.reporting.exports.marked_tables import MarkedTable, marked_evaluations, marked_trials
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.reporting.headline import headline
from sweep.reporting.next_steps import next_steps
from sweep.reporting.params import PREFIX
from sweep.reporting.situation import situation_of
from sweep.reporting.summary import format_states, summarize
from sweep.storage.study_data import StudyData

MAX_ROWS = 20
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\n]")  # as spreadsheets recognize it
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def exported_trials(data: StudyData) -> pd.DataFrame:
    """Return the trials of a study with hyperparameters of type int as integers, even if some lack them.

    A column of integers with missing values would otherwise contain floating-point numbers.
    """
    trials = data.trials
    names = [name for name, entry in data.study.space.items() if isinstance(entry, IntEntry)]
    columns = {PREFIX + name: trials[PREFIX + name] for name in names if PREFIX + name in trials}
    return trials.assign(
        **{
            name: column.astype("Int64")
            for name, column in columns.items()
            if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
        }
    )


def csv(frame: pd.DataFrame) -> bytes:
    """Return a DataFrame as CSV in UTF-8.

    A text that a spreadsheet would calculate as a formula begins with an apostrophe. Numbers are not changed.
    """
    texts = frame.select_dtypes(["object", "str"])
    cells = {str(name): texts[name].map(_without_formula) for name in texts}
    safe = frame.assign(**cells)
    safe.columns = pd.Index([_without_formula(str(name)) for name in frame.columns])
    return safe.to_csv(index=False).encode()


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
    """Return a sentence about a study and its tables as Markdown in UTF-8.

    The tables are those of the evaluated configurations, with confidence intervals, and of the best trials.
    The best value is bold.
    """
    summary = summarize(data)
    is_complete = (data.trials["state"] == "complete").any()
    result = "no complete trial satisfies the constraints" if is_complete else "no complete trial yet"
    if not data.goals.is_single and not data.best_trials.empty:
        numbers = ", ".join(map(str, data.best_trials["number"].head(MAX_ROWS)))
        result = f"{format_count(len(data.best_trials), 'trial')} on the Pareto front ({numbers})"
    elif summary.best:
        metric = markdown_text(heading(data.metric))
        value = markdown_text(format_metric(data.metric, summary.best["value"]))
        result = f"best {metric} **{value}** (trial {summary.best['number']})"
    states, spent = format_states(summary.num_by_state), f"{summary.gpu_hours} GPU hours"
    lines = [f"**{markdown_text(data.name)}**: {result}. {states}. {spent}.", ""]
    lines += [markdown_text(" ".join(headline(situation_of(data)))), ""]
    for evaluation in marked_evaluations(data):
        lines += [markdown_text(evaluation.caption), "", *_rows(evaluation), ""]
    lines += _rows(marked_trials(data, MAX_ROWS))
    if len(data.trials) > MAX_ROWS:
        lines += ["", f"These are the best {MAX_ROWS} of {len(data.trials):,} trials."]
    if steps := next_steps(data):
        lines += ["", "Next steps:", "", *(f"- {markdown_text(step)}" for step in steps)]
    return "\n".join([*lines, ""]).encode()


def _rows(marked: MarkedTable) -> list[str]:
    columns, rows = marked.table
    rule = "|" + "|".join("--:" if column.numeric else "---" for column in columns) + "|"
    lines = [_line([markdown_text(column.heading) for column in columns]), rule]
    for index, row in enumerate(rows):
        texts = [markdown_text(cell) for cell in row.cells]
        lines.append(
            _line(
                [
                    f"**{text}**" if (index, column) in marked.bold else text
                    for column, text in enumerate(texts)
                ]
            )
        )
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _without_formula(value: Any) -> Any:
    """Return a cell or a heading, with an apostrophe before a text that is a formula in a spreadsheet."""
    if not isinstance(value, str):
        return value
    # A carriage return is not quoted, and a spreadsheet would begin a row after it.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
