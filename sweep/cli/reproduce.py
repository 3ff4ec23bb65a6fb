"""The command `sweep reproduce`."""

from pathlib import Path

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, TrialOption, open_study
from sweep.cli.output import say


def reproduce(study: RecordedStudyOption, trial: TrialOption, storage: StorageOption = None) -> None:
    """Train a recorded trial again and compare its metrics.

    The trial is trained on this machine, and each epoch is compared with the recorded one. It has the same
    hyperparameters and seed, and a folder of its own. Differences between the recorded environment and this
    one are listed first. The study's records are only read.
    """
    from sweep.operations.reproduction import (
        Reproduction,
        environment_changes,
        new_folder,
        recorded_trial,
    )
    from sweep.reporting.reproduction_text import epoch_line, introduction, result_line, verdict

    engine, row = open_study(study, storage)
    recorded, code_dir = recorded_trial(engine, row, trial), Path.cwd()
    for line in introduction(recorded, environment_changes(recorded, code_dir)):
        say(line)
    reproduction = Reproduction(recorded, new_folder(Path("reproduced").resolve(), recorded), code_dir)
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
