"""The command `sweep import`."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import StorageOption, StudyOption, WorkdirOption, storage_url
from sweep.cli.output import say


def import_(
    study: StudyOption,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="The database to import from. Default: --storage.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    optuna_study: Annotated[
        str | None,
        typer.Option(
            help="The name of the study there. Default: that of --study.", metavar="NAME", show_default=False
        ),
    ] = None,
    storage: StorageOption = None,
    workdir: WorkdirOption = None,
) -> None:
    """Import a study that plain Optuna has created, to report on it or to continue it.

    If there is no study file of that name, the command writes one for review, and imports nothing yet. An
    import that was interrupted is finished by the same command.
    """
    from sweep.definition.study import load_study, study_file
    from sweep.operations.foreign_study import read_foreign_study, study_text
    from sweep.operations.study_import import import_study
    from sweep.reporting.formatting import format_count
    from sweep.storage.database import connect, parse_url

    file = study_file(study)
    if file.is_file():
        definition = load_study(study)
        url = storage_url(storage, definition)
        name = definition.name
    else:
        url, name = storage_url(storage, None), file.stem
    foreign = read_foreign_study(url if source is None else parse_url(source), optuna_study or name)
    if not file.is_file():
        text = study_text(name, foreign)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        say(f"wrote {file}; review it, and run this command again to import the trials")
        return
    engine = connect(url)
    try:
        num_added = import_study(
            engine, definition, foreign, (workdir or Path("sweeps")).absolute(), Path.cwd()
        )
    finally:
        engine.dispose()
    say(f"imported {format_count(num_added, 'trial')} of study {foreign.origin} as study {name}")
    if foreign.num_active:
        say(f"not imported: {format_count(foreign.num_active, 'trial')} that had not ended")
    say(f"then: sweep report --study {study}, or sweep launch --study {study} to continue it")
