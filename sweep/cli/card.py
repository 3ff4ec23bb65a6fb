"""The command `sweep card`."""

from enum import StrEnum
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, recorded_study
from sweep.cli.output import say


class Form(StrEnum):
    """The forms in which the paragraph is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"


def card(
    study: RecordedStudyOption,
    form: Annotated[
        Form, typer.Option("--format", help="Whether to escape names for Markdown or LaTeX.")
    ] = Form.TEXT,
    storage: StorageOption = None,
) -> None:
    """Print a paragraph for a paper's appendix that says how a study was run."""
    from sweep.markdown_text import markdown_text
    from sweep.reporting.exports.latex import latex_text
    from sweep.reporting.redacted_study import without_passwords
    from sweep.reporting.reproducibility_card import reproducibility_card
    from sweep.storage.study_reader import study_data

    text = reproducibility_card(without_passwords(study_data(*recorded_study(study, storage))))
    if form is Form.MARKDOWN:
        text = markdown_text(text)
    elif form is Form.LATEX:
        text = latex_text(text)
    say(text)
