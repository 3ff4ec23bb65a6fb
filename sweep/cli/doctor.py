"""The command `sweep doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.cluster_file import cluster_file
from sweep.cli.options import (
    ClusterOption,
    StorageOption,
    WorkdirOption,
    log_to_terminal,
    storage_url,
)
from sweep.states import Verdict
from sweep.terminal_text import several_lines

COLORS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
WIDTH = max(map(len, Verdict))


def doctor(
    cluster: ClusterOption = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="Also check this study: a name (studies/NAME.yaml) or the path of a study file.",
            metavar="NAME|PATH",
            show_default=False,
        ),
    ] = None,
    storage: StorageOption = None,
    workdir: WorkdirOption = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a test notification to whom the study notifies.")
    ] = False,
) -> None:
    """Check what a launch needs.

    The command checks the database, the disks, the study and its data, the scheduler and, by a small job, a
    node. The exit code is 2 if trials cannot run.
    """
    from sweep.definition.cluster import load_profile
    from sweep.definition.study import load_study
    from sweep.errors import InputError
    from sweep.operations.doctor import LaunchConditions, diagnose
    from sweep.operations.launch_request import resolve_workdir

    target = load_profile(cluster_file(), cluster).profile
    chosen = load_study(study) if study is not None else None
    if notify and (chosen is None or not chosen.notify.is_set):
        raise InputError(
            "--notify sends a test notification, but "
            + (
                "no study is given\nadd --study NAME"
                if chosen is None
                else f"study {chosen.name} has no key notify"
            )
        )
    url, folder = storage_url(storage, chosen), resolve_workdir(target, workdir)
    log_to_terminal()
    verdicts = set()
    for check in diagnose(LaunchConditions(target, url, folder, Path.cwd(), chosen, notify)):
        verdicts.add(check.verdict)
        mark = typer.style(check.verdict.ljust(WIDTH), fg=COLORS[check.verdict])
        advice = f"; {check.advice}" if check.advice else ""
        typer.echo(mark + several_lines(f"  {check.what}: {check.found}{advice}"))
    if Verdict.FAILED in verdicts:
        raise typer.Exit(2)
