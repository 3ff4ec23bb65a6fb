"""The command `sweep stop`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sweep.cli.cluster_file import cluster_file
from sweep.cli.options import (
    RecordedClusterOption,
    RecordedStudyOption,
    StorageOption,
    log_to_terminal,
    open_study,
    this_command,
)
from sweep.cli.output import say
from sweep.states import Stop


def stop(
    study: RecordedStudyOption,
    cancel_jobs: Annotated[
        bool, typer.Option("--cancel-jobs", help="Cancel the jobs of active trials as well.")
    ] = False,
    cluster: RecordedClusterOption = None,
    storage: StorageOption = None,
) -> None:
    """Stop a study early.

    From its next poll cycle on, the running launcher proposes no more trials, and it exits when the active
    ones have ended. If no launcher is running, --cancel-jobs cancels the jobs itself.
    """
    from sweep.cli.study_summary import summary
    from sweep.definition.cluster import load_profile
    from sweep.operations.stop import cancelling_launcher, stop_study

    engine, row = open_study(study, storage)
    target = load_profile(cluster_file(), cluster or row.cluster).profile
    if running := stop_study(engine, row, Stop.CANCEL if cancel_jobs else Stop.FINISH):
        then = "cancels the jobs of active trials" if cancel_jobs else "waits for active trials to end"
        age_s = (datetime.now(UTC) - running.seen_at).total_seconds()
        say(
            f"the running launcher ({running}, last heartbeat {age_s:.0f} s ago) proposes no more trials, "
            f"{then}, and exits"
        )
    elif cancel_jobs:
        log_to_terminal()
        try:
            with cancelling_launcher(engine, row, target) as launcher:
                launcher.run()
                say(summary(launcher.study, launcher.proposals, engine))
        except KeyboardInterrupt:
            say(f"interrupted; to cancel the remaining jobs: {this_command()}", err=True)
            raise typer.Exit(130) from None
    else:
        say("no launcher is running: no more trials are proposed, and submitted jobs continue")
        say(f"to cancel the jobs: sweep stop --study {study} --cancel-jobs")
    if cancel_jobs:
        say(f"to retry the cancelled trials: sweep retry --study {study} --failed")
    say(f"to continue the study: sweep launch --study {study}")
