"""`sweep launch`, `sweep stop`, `sweep retry`: running a study."""

import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.live_table import live_table
from sweep.cli.options import (
    ClusterOption,
    DataDirOption,
    RecordedStudyOption,
    StorageOption,
    StudyOption,
    cluster_file,
    log_to_terminal,
    open_study,
    storage_url,
)
from sweep.errors import InputError
from sweep.states import Stop

if TYPE_CHECKING:
    from sweep.launcher.startup import LaunchRequest


def launch(
    study: StudyOption,
    cluster: ClusterOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Rehearse: a few short trials on this machine's CPU.")
    ] = False,
    storage: StorageOption = None,
    trials: Annotated[int | None, typer.Option(help="How many trials in all.", show_default=False)] = None,
    parallel: Annotated[int | None, typer.Option(help="How many trials at once.", show_default=False)] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(help="Where trial folders go; else the profile's, or ./sweeps.", metavar="DIR"),
    ] = None,
    data_dir: DataDirOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Make one pass and end: for cron, scrontab and the like.")
    ] = False,
    as_job: Annotated[
        bool, typer.Option("--as-job", help="Submit the launcher itself as a small Slurm job.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for a launcher that has the study, rather than refuse.")
    ] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key of the study file; repeatable.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Run a study: propose trials, submit them as jobs, record what comes of them.

    Started again, it goes on where it was: nothing is lost, nothing runs twice.
    """
    from sweep.definition.cluster import LocalProfile, load_cluster, profile
    from sweep.definition.study import load_study
    from sweep.launcher.startup import LaunchRequest
    from sweep.operations.dry_run import rehearsed_study, sbatch_preview

    log_to_terminal()
    named = {"trials": trials, "parallel": parallel, "data_dir": data_dir and data_dir.resolve()}
    settings = [*(overrides or []), *(f"{key}={value}" for key, value in named.items() if value is not None)]
    chosen = load_study(study, settings)
    profiles = load_cluster(cluster_file())
    where = profile(profiles, cluster)
    url = storage_url(storage, chosen)
    folder = (workdir or Path(where.workdir or "sweeps")).expanduser().resolve()
    if dry_run:
        if preview := sbatch_preview(chosen, where, folder):
            typer.echo(preview)
        chosen = rehearsed_study(chosen, url)
        where = LocalProfile(executor="local", workdir=where.workdir)
        folder = (workdir or Path("sweeps")).resolve()
    request = LaunchRequest(chosen, where, url, folder, Path.cwd(), cluster or profiles.default, once, wait)
    if as_job and not dry_run:
        given = {"--study": study, "--cluster": cluster, "--workdir": workdir and folder}
        typer.echo(_submit_launcher(request, storage, given, settings))
        return
    run(
        request,
        "the rehearsal is left alone: trials that have started end by themselves" if dry_run else None,
    )


def run(request: "LaunchRequest", when_left: str | None = None, names_best: bool = True) -> None:
    """Launch a study and say what comes of it, or when it is left alone, by default how to go on with it."""
    from sweep.launcher.startup import open_launcher
    from sweep.launcher.summary import summary
    from sweep.storage.database import shown_url

    study = request.study
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to end a launcher is to detach it
    try:
        with open_launcher(request) as launcher:
            typer.echo(
                f"study {study.name}: {study.trials} trials, {study.parallel} at a time "
                f"({request.profile.executor}), recorded in {shown_url(request.url)}\n"
                f"trial folders: {request.workdir / study.name}"
            )
            if request.once and (num_active := launcher.run_once()):
                typer.echo(f"{num_active} trials are active; the next pass goes on")
                return
            if not request.once:
                with live_table(request.url, launcher.records.study_id) as refresh:
                    launcher.run(refresh)
            typer.echo(summary(study, launcher.proposals, names_best))
    except KeyboardInterrupt:
        go_on = f"detached: trials that have started go on. To go on with the study:\n  {_this_command()}"
        typer.echo(when_left or go_on, err=True)
        raise typer.Exit(130) from None


def stop(
    study: RecordedStudyOption,
    cancel_jobs: Annotated[
        bool, typer.Option("--cancel-jobs", help="Cancel the jobs of active trials as well.")
    ] = False,
    cluster: ClusterOption = None,
    storage: StorageOption = None,
) -> None:
    """End a study early: no more trials, and with --cancel-jobs an end to the active ones.

    The launcher at work does it at its next look. Where none is, --cancel-jobs does it here and now.
    """
    from sweep.definition.cluster import load_cluster, profile
    from sweep.launcher.summary import summary
    from sweep.operations.stop import cancelling, stop_study

    engine, row = open_study(study, storage)
    where = profile(load_cluster(cluster_file()), cluster or row.cluster)
    if at_work := stop_study(engine, row, Stop.CANCEL if cancel_jobs else Stop.FINISH):
        then = "cancels the active trials' jobs" if cancel_jobs else "waits for the active trials"
        age_s = (datetime.now(UTC) - at_work.seen_at).total_seconds()
        typer.echo(
            f"the launcher at work, {at_work}, last heartbeat {age_s:.0f} s ago, "
            f"proposes no more trials, {then} and ends"
        )
    elif cancel_jobs:
        log_to_terminal()
        try:
            with cancelling(engine, row, where) as launcher:
                launcher.run()
                typer.echo(summary(launcher.study, launcher.proposals))
        except KeyboardInterrupt:
            typer.echo(f"broken off; to cancel the rest: {_this_command()}", err=True)
            raise typer.Exit(130) from None
    else:
        typer.echo("no launcher is at work: no trial is proposed, and jobs that are there go on")
        typer.echo(f"to cancel them: sweep stop --study {study} --cancel-jobs")
    if cancel_jobs:
        typer.echo(f"to have cancelled trials tried again: sweep retry --study {study} --failed")
    typer.echo(f"to go on with the study: sweep launch --study {study}")


def retry(
    study: RecordedStudyOption,
    trial: Annotated[int | None, typer.Option(min=0, help="A failed trial.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed trials.")] = False,
    storage: StorageOption = None,
) -> None:
    """Have failed trials tried again, each under its number, with its params, from its last checkpoint.

    The launcher at work takes them up as slots come free, else the next launch does.
    """
    from sweep.operations.stop import launcher_at_work
    from sweep.storage.user_requests import request_retry

    if (trial is None) is not failed:
        raise InputError("which trials are to be tried again? say --trial N, or --failed for all that failed")
    engine, row = open_study(study, storage)
    numbers = request_retry(engine, row, trial)
    if not numbers:
        typer.echo(f"study {row.name} has no failed trial")
        return
    typer.echo(f"to be tried again: {', '.join(f'trial {number}' for number in numbers)}")
    if (at_work := launcher_at_work(row)) and row.stop is None:
        typer.echo(f"the launcher at work, {at_work}, takes them up as slots come free")
    else:
        typer.echo(f"they begin with the next launch: sweep launch --study {study}")


def _submit_launcher(
    request: "LaunchRequest", storage: str | None, given: Mapping[str, object], settings: Sequence[str]
) -> str:
    """Check what can be checked here, then submit the launcher; what to tell."""
    from sweep.launcher.startup import check
    from sweep.scheduler.slurm.launcher_job import job_name, submit_launcher
    from sweep.storage.database import upgrade
    from sweep.storage.user_requests import withdraw_stop

    engine, _ = check(request)
    upgrade(engine)
    withdraw_stop(engine, request.study.name)
    engine.dispose()
    if storage is not None:
        os.environ["SWEEP_STORAGE"] = storage  # where a job inherits it, and no file shows its password
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    overrides = [f"--set={setting}" for setting in settings]
    study = request.study.name
    job_id = submit_launcher(
        study, request.profile, request.workdir, request.code_dir,
        ["launch", *options, *overrides, "--wait"],
    )  # fmt: skip
    return (
        f"study {study}: its launcher is job {job_id}, and logs to {request.workdir / study / 'launcher'}\n"
        f"to end it and its successor, while trials go on: scancel --name={job_name(study)}"
    )


def _this_command() -> str:
    return shlex.join(["sweep", *sys.argv[1:]])
