"""The kinds of trackers: their keys in a study file, the packages they need, and how each is opened."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.definition.required_package import RequiredPackage
from sweep.definition.study import Study
from sweep.tracking.tracker import Tracker


@dataclass(frozen=True)
class TrackerKind:
    """One kind of tracker.

    Attributes:
        key: Its key in `track`.
        name: Its name in messages.
        package: The package that it needs.
        open: Opens a tracker for an address, the name of a study and the key of the study.
    """

    key: str
    name: str
    package: RequiredPackage
    open: Callable[[str, str, str], Tracker]


def _open_tensorboard(address: str, study: str, study_key: str) -> Tracker:
    from sweep.tracking.tensorboard import TensorBoardTracker

    return TensorBoardTracker(Path(address).expanduser(), study, study_key)


def _open_mlflow(address: str, study: str, study_key: str) -> Tracker:
    # MLflow's client otherwise sends usage data to its developers.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from sweep.tracking.mlflow import MlflowTracker

    return MlflowTracker(address, study, study_key)


_KINDS = (
    TrackerKind(
        "tensorboard",
        "TensorBoard",
        RequiredPackage("tensorboardX", "tensorboardX", "tensorboard"),
        _open_tensorboard,
    ),
    TrackerKind("mlflow", "MLflow", RequiredPackage("mlflow", "mlflow-skinny", "mlflow"), _open_mlflow),
)


def trackers_of(study: Study) -> Iterator[tuple[TrackerKind, str]]:
    """Yield the kinds of the study's trackers with their addresses."""
    for kind in _KINDS:
        address = getattr(study.track, kind.key)
        if address is not None:
            yield kind, address


def check_trackers(study: Study) -> None:
    """Check that the packages of the study's trackers are installed.

    Raises:
        MissingPackageError: If one is missing; the message names the extra that installs it.
    """
    for kind, _ in trackers_of(study):
        kind.package.check(f"study {study.name}: the runs of track.{kind.key}")
