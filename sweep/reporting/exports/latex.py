"""The export of a study's tables as LaTeX for a paper."""

from collections.abc import Iterator

from sweep.reporting.exports.marked_tables import (
    MarkedTable,
    marked_evaluations,
    marked_trials,
    split_columns,
)
from sweep.storage.study_data import StudyData
from sweep.terminal_text import one_line

MAX_ROWS = 20
MAX_WIDTH = 80  # of a table in characters; fits a page of the class article in small type
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "[": r"{[}",
        "]": r"{]}",
        "±": r"$\pm$",
        "\N{NO-BREAK SPACE}": "~",
        "–": "--",
    }
)


def latex(data: StudyData) -> bytes:
    """Return the evaluated configurations and the best trials as LaTeX tables in UTF-8.

    The file requires the package booktabs. The best value is bold. A table that is wider than a page
    is split. Characters that pdfLaTeX does not know, such as Greek letters, require LuaLaTeX.
    """
    tables = [*marked_evaluations(data), marked_trials(data, MAX_ROWS)]
    lines = [r"% Requires \usepackage{booktabs} and \usepackage[T1]{fontenc}."]
    for table in tables:
        for part in split_columns(table, MAX_WIDTH):
            lines += ["", *_table(part)]
    return "\n".join([*lines, ""]).encode()


def latex_text(text: str) -> str:
    """Return text on one line, with every character escaped that LaTeX would interpret."""
    return one_line(text).translate(_ESCAPES)


def _table(marked: MarkedTable) -> Iterator[str]:
    columns, rows = marked.table
    yield r"\begin{table}"
    yield r"\centering\footnotesize"
    yield rf"\caption{{{latex_text(marked.caption)}}}"
    yield rf"\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in columns)}}}"
    yield r"\toprule"
    yield _row([latex_text(column.heading) for column in columns])
    yield r"\midrule"
    for index, row in enumerate(rows):
        texts = [latex_text(cell) for cell in row.cells]
        yield _row(
            [
                rf"\textbf{{{text}}}" if (index, column) in marked.bold else text
                for column, text in enumerate(texts)
            ]
        )
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
