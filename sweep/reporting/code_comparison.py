"""Statements on which code was run, where results of different code are compared."""

from collections.abc import Iterator, Sequence

from sweep.reporting.formatting import format_count
from sweep.storage.study_data import StudyData


def code_notes(data: StudyData) -> Iterator[str]:
    """Yield sentences if trials of a study, or its evaluation, ran different code."""
    num_unknown = len(data.trials) - sum(version.num_trials for version in data.code)
    if data.code and len(data.code) + (num_unknown > 0) > 1:
        parts = [
            f"{format_count(version.num_trials, 'trial')} ran {version.snapshot}" for version in data.code
        ]
        if num_unknown > 0:
            parts.append(f"{format_count(num_unknown, 'trial')} ran the project's files without a snapshot")
        yield (
            f"The trials ran different code: {'; '.join(parts)}. Their results may differ for that reason."
        )
    if data.evaluation is not None and data.code and _digests(data.evaluation) - _digests(data):
        yield (
            f"The evaluation ran other code than the trials: {_snapshots(data.evaluation)} instead of "
            f"{_snapshots(data)}."
        )


def comparison_note(studies: Sequence[StudyData]) -> str:
    """Return a sentence if compared studies ran different code; else an empty text."""
    with_code = [study for study in studies if study.code]
    if len({frozenset(_digests(study)) for study in with_code}) < 2:
        return ""
    listed = "; ".join(f"{study.name} ran {_snapshots(study)}" for study in with_code)
    return f"The studies ran different code: {listed}. Their results may differ for that reason."


def _digests(data: StudyData) -> set[str]:
    return {version.snapshot.digest for version in data.code}


def _snapshots(data: StudyData) -> str:
    return " and ".join(str(version.snapshot) for version in data.code)
