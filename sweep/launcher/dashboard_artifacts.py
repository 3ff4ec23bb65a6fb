"""What Optuna's dashboard shows about a trial that has ended: files, attributes, and sometimes a note."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweep.goals import Goals
from sweep.launcher.learning_curves_svg import learning_curves_svg
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import TrialEnd
from sweep.launcher.rows import storable
from sweep.markdown_text import markdown_text
from sweep.redaction import hide_passwords
from sweep.storage.tables import AttemptRow
from sweep.terminal_text import without_sequences
from sweep.worker.artifacts import Picture, read_pictures
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result
from sweep.worker.regular_file import UnusableFileError

logger = logging.getLogger(__name__)

MAX_LOG_BYTES = 100_000
MAX_NOTE_LINES = 12
MAX_NOTE_LENGTH = 2000
"""How many characters a note may have: Optuna stores it in columns of 2045."""
MAX_NAME_LENGTH = 60
MAX_PICTURES = 8
MAX_PICTURE_BYTES = 5_000_000
MAX_METRICS = 8


@dataclass(frozen=True)
class DashboardArtifacts:
    """What the dashboard shows about one trial.

    Attributes:
        attributes: Values shown beside the hyperparameters, by name.
        note: Markdown text; None for no note.
        contents: Contents of files to create, by name.
        pictures: PNG files that the trial has produced.
    """

    attributes: Mapping[str, Any]
    note: str | None
    contents: Mapping[str, bytes]
    pictures: Sequence[Picture]


def show_in_dashboard(
    attempt: AttemptRow,
    folder: AttemptFolder,
    result: Result | None,
    end: TrialEnd,
    proposals: Proposals,
    store: Path,
) -> None:
    """Add what the dashboard shows about a trial that ends with this attempt.

    This must happen before the end is recorded in Optuna, and may be repeated after a crash. A file that
    cannot be copied is logged and omitted.

    Args:
        attempt: The trial's last attempt.
        folder: The attempt's folder.
        result: What the worker wrote when the attempt ended.
        end: How the trial ended.
        proposals: The study in Optuna.
        store: The folder for the copies of the files.
    """
    goals, is_best = proposals.goals, proposals.would_be_best(end)
    artifacts = collect_artifacts(attempt, folder, result, goals, is_best=is_best)
    trial_id = attempt.trial.optuna_trial_id
    proposals.annotate(trial_id, artifacts.attributes, artifacts.note)
    with TemporaryDirectory() as temporary:
        try:
            files = _written({**dict(artifacts.pictures), **artifacts.contents}, Path(temporary))
            store.mkdir(parents=True, exist_ok=True)
            proposals.attach(trial_id, files, store)
        except OSError as error:
            logger.warning(
                "trial %d: the dashboard does not have all of its files: %s", attempt.trial.number, error
            )


def collect_artifacts(
    attempt: AttemptRow, folder: AttemptFolder, result: Result | None, goals: Goals, *, is_best: bool
) -> DashboardArtifacts:
    """Return what the dashboard shows about a trial.

    Only the trials that are the best when they end and the failed ones have a note, because Optuna reads all
    notes of a study at once.

    Args:
        attempt: The trial's last attempt.
        folder: The attempt's folder.
        result: What the worker wrote when the attempt ended.
        goals: The objectives and constraints of the study.
        is_best: Whether the trial is the best one, or on the Pareto front, when it ends.
    """
    log = hide_passwords(without_sequences(folder.read_log(MAX_LOG_BYTES)))
    reports = _epochs(folder)
    contents = {"log.txt": storable(log).encode()} if log else {}
    if reports:
        contents["learning_curves.svg"] = learning_curves_svg(reports).encode()
    metrics = dict(result.metrics) if result is not None else {}
    has_note = is_best or attempt.cause is not None
    return DashboardArtifacts(
        attributes=_attributes(attempt, metrics, goals),
        note=_note(attempt, metrics, log, goals) if has_note else None,
        contents=contents,
        pictures=list(islice(read_pictures(folder.artifacts, MAX_PICTURE_BYTES), MAX_PICTURES)),
    )


def _epochs(folder: AttemptFolder) -> list[EpochReport]:
    """Return the first report of each epoch; none if the reports cannot be read."""
    try:
        reports = folder.read_all_epochs()
    except UnusableFileError:
        return []
    return list({report.epoch: report for report in reversed(reports)}.values())[::-1]


def _attributes(attempt: AttemptRow, metrics: Mapping[str, float], goals: Goals) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "attempts": attempt.number,
        "cause": attempt.cause,
        "host": attempt.host,
        "gpu": attempt.gpu,
        "seed": attempt.trial.seed,
        "folder": attempt.trial.folder,
    }
    finite = [name for name in metrics if math.isfinite(metrics[name])]  # JSON has no nan
    objectives = {objective.metric for objective in goals.objectives}
    others = [name for name in finite if name not in objectives][:MAX_METRICS]
    return {name: fact for name, fact in facts.items() if fact is not None} | {
        name: metrics[name] for name in others
    }


def _note(attempt: AttemptRow, metrics: Mapping[str, float], log: str, goals: Goals) -> str:
    """Return Markdown with the end of the log, indented so that it is not interpreted as Markdown.

    Names are escaped: they come from the trial and from the scheduler.
    """
    rank = "The best trial when it ended" if goals.is_single else "On the Pareto front when it ended"
    lines = [f"**Failed: {attempt.cause}**" if attempt.cause else f"**{rank}**", ""]
    named = list(metrics.items())[:MAX_METRICS]
    lines += [f"- {markdown_text(name[:MAX_NAME_LENGTH])}: {value:.6g}" for name, value in named]
    job, host = (markdown_text(str(each)[:MAX_NAME_LENGTH]) for each in (attempt.job_id, attempt.host))
    lines += [f"- attempt {attempt.number}, job {job} on {host}", ""]
    head = "\n".join([*lines, "The last lines of its log:", "", ""])
    printed = log.splitlines()
    tail = [f"    {line[:200]}" for line in printed if line.strip()][-MAX_NOTE_LINES:]
    while tail and len(head) + len("\n".join(tail)) > MAX_NOTE_LENGTH:
        tail.pop(0)
    return storable(head + "\n".join(tail or ["    (it is empty)"]))[:MAX_NOTE_LENGTH]


def _written(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
