"""The specification of an attempt, from the study and the trial."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep.definition.command import command_words, with_params
from sweep.definition.study import Study
from sweep.worker.documents import CommandSpec, TrialSpec


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
        params: The proposed hyperparameters; the study's fixed values are added, and the values of labels.
        seed: The trial's seed.
        token: The attempt's token.
        code_dir: The folder that the train function is imported from.
        threads: The number of CPU threads; None keeps the defaults of the libraries.
        project_dir: The project's folder if `code_dir` is a snapshot of it; None if `code_dir` is the
            project's folder, which is then the working directory as well.
        attempt: The attempt's number, counted from 1.
        earlier_attempts: The folders of the trial's earlier attempts, newest first.
    """
    all_params = study.params(params)
    return TrialSpec(
        study=study.name,
        number=number,
        attempt=attempt,
        token=token,
        train=study.function or "",
        objectives=study.goals.returned_objectives,
        constrained=tuple(
            metric for metric in study.goals.returned if metric not in study.goals.returned_objectives
        ),
        params=all_params,
        seed=seed,
        dataset=study.dataset,
        data_dir=study.data_dir,
        code_dir=str(code_dir),
        threads=threads,
        earlier_attempts=tuple(str(path) for path in earlier_attempts),
        command=_command(study, all_params),
        objective_space=_objective_space(study),
        project_dir=None if project_dir is None else str(project_dir),
        has_own_working_dir=project_dir is not None and study.working_dir == "attempt",
    )


def _command(study: Study, params: Mapping[str, Any]) -> CommandSpec | None:
    """Return the study's command with the hyperparameters filled in; None if a function trains."""
    if study.command is None:
        return None
    file = study.metrics.file if study.metrics is not None else None
    return CommandSpec(
        words=tuple(command_words(study.command, params)),
        env={name: with_params(value, params) for name, value in study.env.items()},
        stdout=study.metrics.stdout if study.metrics is not None else {},
        file=None if file is None else with_params(file, params),
        stop_grace_s=study.stop_grace_seconds,
    )


def _objective_space(study: Study) -> Mapping[str, Any] | None:
    if study.objective is None:
        return None
    return {name: entry.model_dump(mode="json") for name, entry in study.space.items()}
