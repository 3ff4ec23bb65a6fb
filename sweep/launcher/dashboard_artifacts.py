"""What Optuna's dashboard shows of a trial that has ended: files, attributes, and a note where one is due."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweep.launcher.learning_curves_svg import curves_svg
from sweep.launcher.proposals import Proposals
from sweep.redaction import hide_passwords
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import Result

logger = logging.getLogger(__name__)

LOG_BYTES = 100_000  # of the log's end
NOTE_LINES = 12
NOTE_LENGTH = 2000  # characters; Optuna keeps a note in columns of 2045
MAX_PICTURES = 8
MAX_PICTURE_BYTES = 5_000_000
MAX_METRICS = 8


@dataclass(frozen=True)
class Exhibit:
    """What is shown of one trial."""

    attributes: Mapping[str, Any]
    note: str | None
    contents: Mapping[str, bytes]  # files made for it, by name
    pictures: Sequence[Path]  # files that the trial left


def show(
    attempt: AttemptRow,
    folder: AttemptFolder,
    result: Result | None,
    objective: str,
    proposals: Proposals,
    store: Path,
) -> None:
    """Have the dashboard show an attempt that has ended its trial; before Optuna is told of that end.

    Done twice, after a crash, it changes nothing. A file that cannot be copied is reported and left out: no
    study fails for its pictures.
    """
    exhibit = make_exhibit(attempt, folder, result, objective, is_best=_is_best(result, objective, proposals))
    trial_id = attempt.trial.optuna_trial_id
    proposals.annotate(trial_id, exhibit.attributes, exhibit.note)
    with TemporaryDirectory() as temporary:
        try:
            files = [*exhibit.pictures, *_written(exhibit.contents, Path(temporary))]
            store.mkdir(parents=True, exist_ok=True)
            proposals.attach(trial_id, files, store)
        except OSError as error:
            logger.warning(
                "trial %d: not all of its files are in the dashboard: %s", attempt.trial.number, error
            )


def make_exhibit(
    attempt: AttemptRow, folder: AttemptFolder, result: Result | None, objective: str, *, is_best: bool
) -> Exhibit:
    """Read what is to be shown; a note only for a trial that a person would look at: a failed or a best one.

    Optuna reads the notes of a study all at once, so that ten thousand would slow every look at it.
    """
    log = hide_passwords(folder.read_log(LOG_BYTES))
    reports, _ = folder.read_epochs()
    contents = {"log.txt": log.encode()} if log else {}
    if reports:
        contents["learning_curves.svg"] = curves_svg(reports).encode()
    metrics = dict(result.metrics) if result is not None else {}
    is_noteworthy = is_best or attempt.cause is not None
    return Exhibit(
        attributes=_attributes(attempt, metrics, objective),
        note=_note(attempt, metrics, log) if is_noteworthy else None,
        contents=contents,
        pictures=list(islice(_pictures(folder.artifacts), MAX_PICTURES)),
    )


def _attributes(attempt: AttemptRow, metrics: Mapping[str, float], objective: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "attempts": attempt.number,
        "cause": attempt.cause,
        "host": attempt.host,
        "gpu": attempt.gpu,
        "seed": attempt.trial.seed,
        "folder": attempt.trial.folder,
    }
    finite = [name for name in metrics if math.isfinite(metrics[name])]  # a page's JSON knows no nan
    others = [name for name in finite if name != objective][:MAX_METRICS]
    return {name: fact for name, fact in facts.items() if fact is not None} | {
        name: metrics[name] for name in others
    }


def _note(attempt: AttemptRow, metrics: Mapping[str, float], log: str) -> str:
    """Markdown; the log indented, so that nothing in it is read as Markdown."""
    lines = [f"**Failed: {attempt.cause}**" if attempt.cause else "**The best trial when it ended**", ""]
    lines += [f"- {name}: {value:.6g}" for name, value in list(metrics.items())[:MAX_METRICS]]
    lines += [f"- attempt {attempt.number}, job {attempt.job_id} on {attempt.host}", ""]
    head = "\n".join([*lines, "The last lines of its log:", "", ""])
    tail = [f"    {line[:200]}" for line in log.splitlines() if line.strip()][-NOTE_LINES:]
    while tail and len(head) + len("\n".join(tail)) > NOTE_LENGTH:
        tail.pop(0)
    return head + "\n".join(tail or ["    (it is empty)"])


def _pictures(artifacts: Path) -> Iterator[Path]:
    for file in sorted(artifacts.glob("*.png")):
        if file.exists() and file.stat().st_size <= MAX_PICTURE_BYTES:
            yield file


def _is_best(result: Result | None, objective: str, proposals: Proposals) -> bool:
    return (
        result is not None
        and objective in result.metrics
        and proposals.would_be_best(result.metrics[objective])
    )


def _written(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
