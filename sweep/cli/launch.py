"""The command `sweep launch`."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.cluster_file import cluster_file
from sweep.cli.live_table import live_table
from sweep.cli.options import (
    ClusterOption,
    DataDirOption,
    StorageOption,
    StudyOption,
    WorkdirOption,
    log_to_terminal,
    sets_storage,
    storage_url,
    this_command,
)
from sweep.scheduler.trial_environment import STORAGE_VARIABLE

if TYPE_CHECKING:
    from sweep.operations.launch_request import LaunchRequest


def launch(
    study: StudyOption,
    cluster: ClusterOption = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Run a few short trials on this machine's CPU as a rehearsal, and print the sbatch file.",
        ),
    ] = False,
    storage: StorageOption = None,
    trials: Annotated[
        int | None, typer.Option(help="The total number of trials.", metavar="N", show_default=False)
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(help="The maximum number of active trials.", metavar="N", show_default=False)
    ] = None,
    workdir: WorkdirOption = None,
    data_dir: DataDirOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Run one poll cycle and exit, for use with cron.")
    ] = False,
    as_job: Annotated[
        bool, typer.Option("--as-job", help="Submit the launcher itself as a small Slurm job.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait while another launcher runs the study.")] = False,
    update_code: Annotated[
        bool,
        typer.Option(
            "--update-code",
            help="Run the project's code as it is now in new trials, instead of the study's snapshot.",
        ),
    ] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key of the study file. May be repeated.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Run a study, or continue it.

    The launcher proposes trials, submits them as jobs and records their results until all trials have ended.
    It can be stopped or killed at any time. The same command continues the study: no trial is lost
    and none is run twice.
    """
    from sweep.definition.cluster import load_profile
    from sweep.definition.local_profile import LocalProfile
    from sweep.definition.study import load_study
    from sweep.operations.background_launch import submit_launch
    from sweep.operations.dry_run import dry_run_study, sbatch_preview
    from sweep.operations.launch_request import LaunchRequest, resolve_workdir
    from sweep.operations.preflight import check_params
    from sweep.storage.database import real_url

    log_to_terminal()
    named = {"trials": trials, "parallel": parallel, "data_dir": data_dir and data_dir.resolve()}
    settings = [*(overrides or []), *(f"{key}={value}" for key, value in named.items() if value is not None)]
    chosen = load_study(study, settings)
    profile_name, target = load_profile(cluster_file(), cluster)
    url = storage_url(storage, chosen)
    folder = resolve_workdir(target, workdir)
    if dry_run:
        check_params(chosen, Path.cwd())
        if preview := sbatch_preview(chosen, target, folder):
            typer.echo(preview)
        chosen, target = dry_run_study(chosen, url), LocalProfile(executor="local")
        folder = resolve_workdir(target, workdir)
    request = LaunchRequest(
        chosen,
        target,
        url,
        folder,
        Path.cwd(),
        profile_name,
        once=once,
        wait=wait,
        is_workdir_given=workdir is not None,
        update_code=update_code,
        is_dry_run=dry_run,
    )
    if as_job and not dry_run:
        if storage is not None or any(map(sets_storage, settings)):
            # The job inherits it, so that no file contains its password.
            os.environ[STORAGE_VARIABLE] = real_url(url)
            settings = [setting for setting in settings if not sets_storage(setting)]
        options = [f"--study={study}", *([f"--cluster={cluster}"] if cluster else [])]
        options += [f"--workdir={folder}"] if workdir else []
        typer.echo(submit_launch(request, [*options, *(f"--set={setting}" for setting in settings)]))
    elif dry_run:
        run_launcher(request, "detached: the trials of the dry run that have started continue to their end")
    else:
        run_launcher(request)


def run_launcher(request: "LaunchRequest", detached: str | None = None, names_best: bool = True) -> None:
    """Run a launcher in this process and print the study's summary.

    Args:
        request: What to launch.
        detached: What to print if the launcher is interrupted; by default, how to continue the study.
        names_best: Whether the summary names the best trial.
    """
    from sweep.cli.study_summary import summary
    from sweep.operations.startup import open_launcher
    from sweep.scheduler.factory import make_executor
    from sweep.storage.database import connect, shown_url

    study = request.study
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM detaches the launcher, as Ctrl-C does
    try:
        with open_launcher(request, make_executor(request.profile)) as launcher:
            typer.echo(
                f"study {study.name}: {study.trials} trials, {study.parallel} at a time "
                f"({request.profile.executor}), recorded in {shown_url(request.url)}\n"
                f"trial folders: {launcher.settings.workdir / study.name}"
            )
            if request.once and (num_active := launcher.run_once()):
                typer.echo(f"{num_active} trials are active; run the command again for the next poll cycle")
                return
            if not request.once:
                with live_table(request.url, launcher.records.study_id) as refresh:
                    launcher.run(refresh)
            engine = connect(request.url)
            typer.echo(summary(study, launcher.proposals, engine, names_best))
            engine.dispose()
    except KeyboardInterrupt:
        how_to_continue = (
            f"detached: trials that have started continue. To continue the study:\n  {this_command()}"
        )
        typer.echo(detached or how_to_continue, err=True)
        raise typer.Exit(130) from None
