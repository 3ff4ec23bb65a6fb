"""The dry run of a study: a few short trials on this machine, recorded under a name of their own."""

from itertools import count
from pathlib import Path

from sqlalchemy import URL

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.scheduler.factory import make_executor
from sweep.scheduler.job import Job
from sweep.storage.database import connect
from sweep.storage.studies import optuna_study_names, study_names
from sweep.worker.attempt_folder import attempt_folder, submission_folder, trial_folder

DRY_RUN = "-dryrun"
"""The suffix of the name of a dry run, to which a number may be appended."""


def dry_run_study(study: Study, url: URL) -> Study:
    """Return the study to rehearse, under the first free name of NAME-dryrun, NAME-dryrun-2, ..."""
    engine = connect(url)
    taken = optuna_study_names(engine).union(study_names(engine))
    engine.dispose()
    names = (f"{study.name}{DRY_RUN}" + (f"-{number}" if number > 1 else "") for number in count(1))
    return study.dry_run_study(next(name for name in names if name not in taken))


def sbatch_preview(study: Study, profile: Profile, workdir: Path) -> str | None:
    """Return the sbatch file that a real launch would submit for its first trial; None without Slurm."""
    trial = trial_folder(workdir, study.name, 0)
    submission = f"{study.name}-0-TOKEN"
    attempt = attempt_folder(trial, 1, "TOKEN")
    job = Job(f"{submission}.0", submission_folder(trial, submission), (attempt,))
    return make_executor(profile).preview(job)
