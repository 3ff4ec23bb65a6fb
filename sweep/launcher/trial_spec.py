"""The specification of an attempt, from the study and the trial."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep.definition.study import Study
from sweep.worker.documents import TrialSpec


def build_spec(
    study: Study,
    *,
    number: int,
    params: Mapping[str, Any],
    seed: int,
    token: str,
    code_dir: Path,
    threads: int | None,
    project_dir: Path | None = None,
    attempt: int = 1,
    earlier_attempts: Sequence[Path] = (),
) -> TrialSpec:
    """Return the specification of an attempt, which is the input of its worker.

    Args:
        study: The study.
        number: The trial's number.
        params: The proposed hyperparameters; the study's fixed values are added.
        seed: The trial's seed.
        token: The attempt's token.
        code_dir: The folder that the train function is imported from.
        threads: The number of CPU threads; None keeps the defaults of the libraries.
        project_dir: The project's folder if `code_dir` is a snapshot of it; None if `code_dir` is the
            project's folder, which is then the working directory as well.
        attempt: The attempt's number, counted from 1.
        earlier_attempts: The folders of the trial's earlier attempts, newest first.
    """
    return TrialSpec(
        study=study.name,
        number=number,
        attempt=attempt,
        token=token,
        train=study.train,
        metric=study.metric,
        params={**study.fixed, **params},
        seed=seed,
        dataset=study.dataset,
        data_dir=study.data_dir,
        code_dir=str(code_dir),
        threads=threads,
        earlier_attempts=tuple(str(path) for path in earlier_attempts),
        project_dir=None if project_dir is None else str(project_dir),
        has_own_working_dir=project_dir is not None and study.working_dir == "attempt",
    )
