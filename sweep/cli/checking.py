"""`sweep doctor`, `sweep reproduce`: what would go wrong, and whether what went well does so again."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import (
    ClusterOption,
    RecordedStudyOption,
    StorageOption,
    cluster_file,
    log_to_terminal,
    open_study,
    storage_url,
)
from sweep.states import Verdict

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
WIDTH = max(map(len, STYLES))


def doctor(
    cluster: ClusterOption = None,
    study: Annotated[
        str | None,
        typer.Option(help="A study file to look at too.", metavar="NAME|PATH", show_default=False),
    ] = None,
    storage: StorageOption = None,
    workdir: Annotated[
        Path | None,
        typer.Option(help="Where trial folders go; else the profile's, or ./sweeps.", metavar="DIR"),
    ] = None,
) -> None:
    """Check the scheduler, the disks, the data and, by a small job, a node.

    Exit code 2 when trials could not run.
    """
    from sweep.definition.cluster import load_cluster, profile
    from sweep.definition.study import load_study
    from sweep.operations.doctor import Visit, examine

    where = profile(load_cluster(cluster_file()), cluster)
    chosen = load_study(study) if study is not None else None
    folder = (workdir or Path(where.workdir or "sweeps")).expanduser().resolve()
    log_to_terminal()
    verdicts = set()
    for check in examine(Visit(where, storage_url(storage, chosen), folder, Path.cwd(), chosen)):
        verdicts.add(check.verdict)
        mark = typer.style(check.verdict.ljust(WIDTH), fg=STYLES[check.verdict])
        advice = f"; {check.advice}" if check.advice else ""
        typer.echo(f"{mark}  {check.what}: {check.found}{advice}")
    if Verdict.FAILED in verdicts:
        raise typer.Exit(2)


def reproduce(
    study: RecordedStudyOption,
    trial: Annotated[int, typer.Option(min=0, help="Its number.")],
    storage: StorageOption = None,
) -> None:
    """Train a trial again, here and beside the study, and compare its metrics epoch by epoch.

    It has the recorded params and seed; where the environment is another one is said first.
    """
    from sweep.launcher.preflight import preflight
    from sweep.operations.reproduction import Reproduction, changes, new_folder, recorded_trial
    from sweep.reporting.reproduction_text import epoch_line, introduction, result_line, verdict

    engine, row = open_study(study, storage)
    recorded, here = recorded_trial(engine, row, trial), Path.cwd()
    checksum = preflight(recorded.study, here, import_train=True)
    for line in introduction(recorded, changes(recorded, here, checksum)):
        typer.echo(line)
    again = Reproduction(recorded, new_folder(Path("reproduced").resolve(), recorded), here)
    typer.echo(f"it is trained again in {again.folder.path}")
    try:
        for report in again.run():
            typer.echo(epoch_line(recorded, report))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    result = again.metrics()
    if result:
        typer.echo(result_line(recorded, result))
    for line in verdict(recorded, again.epochs(), result):
        typer.echo(line)
