"""The public Python API: define a study, launch it, read its results and draw its figures.

docs/python_api.md describes it with examples. Everything else in this package may change without notice.

The names are in a module of their own because compute nodes import the package `sweep` too, with nothing but
the standard library.
"""

from pathlib import Path

import plotly.graph_objects as go

from sweep.definition.cluster import load_profile
from sweep.definition.study import Study, load_study
from sweep.errors import InputError, StudyFailedError, SweepError
from sweep.operations.launch_request import LaunchRequest, resolve_workdir
from sweep.operations.startup import open_launcher
from sweep.reporting.page.sections import sections
from sweep.scheduler.factory import make_executor
from sweep.storage.database import DEFAULT_URL, parse_url
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import study_data

__all__ = [
    "InputError",
    "Study",
    "StudyData",
    "StudyFailedError",
    "SweepError",
    "figures",
    "launch",
    "load_study",
    "results",
]


def launch(
    study: Study,
    *,
    profile: str | None = None,
    storage: str | None = None,
    workdir: str | Path | None = None,
    code_dir: str | Path | None = None,
    update_code: bool = False,
) -> StudyData:
    """Run a study, or continue it, and wait until all of its trials have ended.

    If the call is interrupted, trials that have started continue. The same call continues the study.

    Args:
        study: The study.
        profile: The name of the profile that specifies where trials run; None selects the default profile.
            The profiles are those of `cluster.yaml` in `code_dir`, or `local` and `inline` without that file.
        storage: The URL of the database. None selects the study's `storage`, or `sqlite:///sweep.db`.
        workdir: The folder in which trial folders are created. None selects the profile's `workdir`,
            or `sweeps`.
        code_dir: The project's folder, whose code is copied at the first launch. None selects the working
            directory.
        update_code: Whether new trials run the project's code as it is now, instead of the study's snapshot.

    Returns:
        The study's results.

    Raises:
        InputError: If the input is wrong, or a launcher of the study is running.
        StudyFailedError: If every trial failed, or the failure policy stopped the study.
    """
    code_folder = Path(code_dir or Path()).resolve()
    cluster_file = code_folder / "cluster.yaml"
    name, target = load_profile(cluster_file if cluster_file.exists() else None, profile)
    url = parse_url(storage or study.storage or DEFAULT_URL)
    folder = resolve_workdir(target, Path(workdir) if workdir else None)
    request = LaunchRequest(
        study,
        target,
        url,
        folder,
        code_folder,
        name,
        is_workdir_given=workdir is not None,
        update_code=update_code,
    )
    with open_launcher(request, make_executor(target)) as launcher:
        launcher.run()
    return study_data(study.name, url)


def results(name: str, storage: str = DEFAULT_URL) -> StudyData:
    """Return the recorded data of a study, which may still be running.

    Args:
        name: The study's name.
        storage: The URL of the database.

    Raises:
        InputError: If the database cannot be opened, or has no such study.
    """
    return study_data(name, storage)


def figures(data: StudyData) -> dict[str, go.Figure]:
    """Return the figures of the report by name, such as `history`. Figures without data are omitted."""
    plots = [plot for section in sections(data) for panel in section.panels for plot in panel.plots]
    return {plot.name: plot.figure for plot in plots if plot.has_points}
