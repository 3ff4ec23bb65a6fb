"""The command `sweep reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, TrialOption, open_study
from sweep.cli.output import say


def reproduce(
    study: RecordedStudyOption,
    trial: TrialOption,
    current_code: Annotated[
        bool,
        typer.Option(
            "--current-code", help="Train the project's code as it is now, instead of the trial's snapshot."
        ),
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Train a recorded trial again and compare its metrics.

    The trial is trained on this machine, and each epoch is compared with the recorded one. It has the same
    code, hyperparameters and seed, and a folder of its own. Differences between the recorded environment and
    this one are listed first. The study's records are only read. The exit code is 1 if a metric differs.
    """
    from sweep.operations.reproduction import (
        Reproduction,
        code_changes,
        code_to_reproduce,
        environment_changes,
        new_folder,
        recorded_trial,
    )
    from sweep.reporting.reproduction_text import (
        epoch_line,
        introduction,
        is_different,
        result_line,
        verdict,
    )

    engine, row = open_study(study, storage)
    recorded, project_dir = recorded_trial(engine, row, trial), Path.cwd()
    code_dir = project_dir if current_code else code_to_reproduce(recorded, project_dir)
    changes = environment_changes(recorded, code_dir, project_dir)
    of_code = code_changes(engine, recorded, project_dir) if current_code else None
    for line in introduction(recorded, changes, of_code):
        say(line)
    folder = new_folder(Path("reproduced").resolve(), recorded)
    reproduction = Reproduction(recorded, folder, code_dir, project_dir)
    say(f"the trial is trained again in {reproduction.folder.path}")
    try:
        for report in reproduction.run():
            say(epoch_line(recorded, report))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    result = reproduction.metrics()
    if result:
        say(result_line(recorded, result))
    for line in verdict(recorded, reproduction.epochs(), result):
        say(line)
    if is_different(recorded, reproduction.epochs(), result):
        raise typer.Exit(1)
