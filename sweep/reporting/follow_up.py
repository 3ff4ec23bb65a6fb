"""A study file that continues a study with wider ranges and fewer hyperparameters, for review."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from sweep.definition.sampler import Grid
from sweep.definition.study import Study
from sweep.definition.yaml_text import written
from sweep.errors import InputError
from sweep.reporting.formatting import format_count, format_param
from sweep.reporting.next_steps import params_without_effect
from sweep.reporting.params import params_of_trial
from sweep.reporting.range_ends import range_ends
from sweep.storage.study_data import StudyData

MAX_START = 5  # configurations of the earlier study that are tried first, at most half of the trials


class FollowUp(NamedTuple):
    """A follow-up study.

    Attributes:
        study: The study.
        changes: What differs from the earlier study, as lines.
    """

    study: Study
    changes: list[str]


def follow_up(data: StudyData, name: str) -> FollowUp:
    """Return the study that follows a study.

    Ranges at whose ends the best trials lie are extended, hyperparameters without an effect are fixed to the
    best trial's values, and the best configurations are tried first.

    Args:
        data: The earlier study.
        name: The name of the new study.

    Raises:
        InputError: If the earlier study has no complete trial, or no search space.
    """
    study = data.study
    if data.complete_trials.empty:
        raise InputError(f"study {data.name} has no complete trial yet, so nothing can follow from it")
    if not study.space:
        raise InputError(f"study {data.name} has no search space, so there is nothing to search further")
    space, fixed, changes = dict(study.space), dict(study.fixed), []
    for end in range_ends(data):
        space[end.name] = end.suggestion
        changes.append(f"space.{end.name}: {end.text}")
    best = params_of_trial(data, data.best_trials.iloc[0].to_dict())
    conditions = {parent for entry in space.values() for parent in entry.when}
    for param in params_without_effect(data):
        if (
            param in conditions
            or param not in best
            or len(space) == 1
            or not space[param].contains(best[param])
        ):
            continue
        del space[param]
        fixed[param] = study.params({param: best[param]})[param]
        changes.append(
            f"fixed.{param}: no visible effect; {format_param(fixed[param])} is the best trial's value"
        )
    num_start = max(min(MAX_START, study.trials // 2), 1)
    best_ones = format_count(num_start, "best configuration")
    changes.append(
        f"start_from: the {best_ones} of {data.name} {'is' if num_start == 1 else 'are'} tried first"
    )
    fields = dict(study) | {
        "name": name,
        "space": space,
        "fixed": fixed,
        "enqueue": (),
        "start_from": {"study": data.name, "top": num_start},
    }
    if study.enqueue:
        changes.append("enqueue: removed, because its points have been tried")
    changes.append("storage and track: not recorded; copy them from the earlier file if it has them")
    if isinstance(study.sampler, Grid):
        del fields["trials"]  # it is derived from the new space
    return FollowUp(Study.model_validate(fields), changes)


def next_name(name: str, taken: Collection[str]) -> str:
    """Return the first free name of the series NAME_2, NAME_3, ..."""
    match = re.fullmatch(r"(.*)_(\d+)", name)
    base, number = (match[1], int(match[2])) if match else (name, 1)
    while (found := f"{base}_{number + 1}") in taken:
        number += 1
    return found


def follow_up_text(found: FollowUp) -> str:
    """Return the study file: the changes as comments, and the keys that differ from their defaults."""
    assert found.study.start_from is not None
    lines = [f"This study follows {found.study.start_from.study}. Review these changes before the launch:"]
    lines += [f"- {change}" for change in found.changes]
    comment = "".join(f"# {' '.join(line.split())}\n" for line in lines)
    return comment + written(found.study.model_dump(mode="json", exclude_defaults=True), in_one_line=True)


def write_follow_up(found: FollowUp, folder: Path) -> Path:
    """Write the file of a follow-up study into a folder, and return its path.

    Raises:
        InputError: If the file exists: it is not overwritten.
    """
    file = folder / f"{found.study.name}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(follow_up_text(found))
    except FileExistsError:
        raise InputError(f"{file} exists and is not overwritten; rename it or remove it") from None
    return file
