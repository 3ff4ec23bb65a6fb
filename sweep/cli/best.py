"""The command `sweep best`."""

from enum import StrEnum
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, open_study
from sweep.cli.output import say
from sweep.errors import InputError


class Form(StrEnum):
    """The forms in which a configuration is printed."""

    YAML = "yaml"
    FIXED = "fixed"
    JSON = "json"
    ARGS = "args"


def best(
    study: RecordedStudyOption,
    trial: Annotated[
        int | None,
        typer.Option(
            min=0, help="The trial to print. Default: the best one.", metavar="N", show_default=False
        ),
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="yaml: an entry of `enqueue`; fixed: the key `fixed`; json: a mapping; args: --NAME VALUE.",
        ),
    ] = Form.YAML,
    storage: StorageOption = None,
) -> None:
    """Print the best configuration of a study, to be pasted into a study file or a command line.

    With several objectives, --trial selects one of the trials on the Pareto front.
    """
    from sweep.reporting.best_configuration import configuration_text
    from sweep.reporting.headline import headline
    from sweep.reporting.recorded_situation import recorded_situation
    from sweep.storage.chosen_trial import chosen_trial
    from sweep.storage.study_definition import recorded_definition

    engine, row = open_study(study, storage)
    try:
        chosen = chosen_trial(engine, row, trial)
        sentences = headline(recorded_situation(engine, row)) if trial is None else []
    finally:
        engine.dispose()
    if not chosen.params and form is Form.YAML:
        raise InputError(f"trial {chosen.number} of study {row.name} has no searched hyperparameters")
    say(f"trial {chosen.number}: {chosen.description}", err=True)
    for sentence in sentences:
        say(sentence, err=True)
    say(configuration_text(recorded_definition(row), chosen.params, form.value))
