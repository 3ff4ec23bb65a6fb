"""The columns of the table of trials, and which of them fit on a terminal."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from sweep.goals import Objective
from sweep.reporting.formatting import NONE, format_duration, format_metric, format_params, shortened
from sweep.reporting.status.study_status import StudyStatus
from sweep.states import AttemptState
from sweep.storage.code_version import SHORT_DIGEST
from sweep.storage.status_queries import TrialStatus
from sweep.terminal_text import one_line

BAR_WIDTH = 8
GAP = 2  # spaces between two columns
MAX_NAME = 60  # characters of a name that are shown
MAX_PARAM = 16  # characters of a hyperparameter's name or value that are shown in a column
STYLES = {
    AttemptState.SUBMITTING: "dim",
    AttemptState.PENDING: "yellow",
    AttemptState.RUNNING: "cyan",
    AttemptState.COMPLETE: "green",
    AttemptState.PRUNED: "dim",
    AttemptState.FAILED: "red",
}
DROPPED_FIRST = ("job", "node", "attempt", "code")
DROPPED_LAST = ("time", "epoch")
_LOCAL_JOB = re.compile(r".+:(\d+):\d+")


class Column(NamedTuple):
    """A column of the table.

    Attributes:
        heading: The text above the column.
        cells: The text of each trial.
        is_param: Whether the column shows a searched hyperparameter.
    """

    heading: str
    cells: Sequence[Text]
    is_param: bool = False

    @property
    def width(self) -> int:
        """The number of characters of the column, including the gap to the next one."""
        return max(cell_len(self.heading), *(cell.cell_len for cell in self.cells)) + GAP


def fitting_columns(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit into a line.

    Jobs and nodes are dropped first, then attempts and the code, then hyperparameters from the last to the
    first, then the times and epochs. The trial, its state and its objectives always remain.

    Args:
        columns: All columns.
        width: The number of characters of a line.
    """
    names = [column.heading for column in columns if column.is_param]
    kept = list(columns)
    for is_param, name in [
        *((False, name) for name in DROPPED_FIRST),
        *((True, name) for name in reversed(names)),
        *((False, name) for name in DROPPED_LAST),
    ]:
        if _width(kept) <= width:
            break
        kept = [column for column in kept if (column.is_param, column.heading) != (is_param, name)]
    return kept


def blocks_of_columns(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Split columns into blocks that fit into a line each, in order; a block has at least one column.

    Args:
        columns: The columns.
        width: The number of characters of a line.
    """
    blocks: list[list[Column]] = []
    for column in columns:
        if not blocks or _width([*blocks[-1], column]) > width:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def table_of(columns: Sequence[Column]) -> Table:
    """Return a table of these columns."""
    table = new_table(*(column.heading for column in columns))
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def new_table(*headings: str) -> Table:
    """Return a table without rows, in the style of all tables of the status."""
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
    for heading in headings:
        table.add_column(Text(heading), no_wrap=True)
    return table


def trial_columns(status: StudyStatus, now: datetime, width: int) -> list[Column]:
    """Return all columns of the trials that are shown.

    The bars of epochs and objectives are omitted if hyperparameters would not fit beside them.

    Args:
        status: The status of the study.
        now: The current time.
        width: The number of characters of a line.
    """
    columns = _columns(status, now, has_bars=True)
    needed = [column for column in columns if column.is_param or column.heading not in DROPPED_FIRST]
    if not status.params or _width(needed) <= width:
        return columns
    return _columns(status, now, has_bars=False)


def shown_name(text: str) -> str:
    """Return a name on one line, without anything that a terminal obeys, shortened if it is very long."""
    return shortened(one_line(shortened(text, 2 * MAX_NAME)), MAX_NAME)


def _columns(status: StudyStatus, now: datetime, *, has_bars: bool) -> list[Column]:
    trials = status.trials
    columns = [
        Column("trial", [Text(str(trial.number)) for trial in trials]),
        Column("state", [Text(_state(trial), STYLES[trial.state]) for trial in trials]),
        Column("attempt", [Text(str(trial.attempt)) for trial in trials]),
        Column("job", [Text(_job(trial)) for trial in trials]),
        Column("node", [Text(shown_name(trial.host or NONE)) for trial in trials]),
        Column("epoch", _epochs(trials, has_bars=has_bars)),
        *_objectives(status, has_bars=has_bars),
        *_params(status),
        Column("time", [Text(_time(trial, now)) for trial in trials]),
    ]
    if len(status.code) > 1:
        digests = [trial.snapshot[:SHORT_DIGEST] if trial.snapshot else NONE for trial in trials]
        columns.append(Column("code", [Text(digest) for digest in digests]))
    return columns


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) - GAP


def _state(trial: TrialStatus) -> str:
    return trial.state if trial.cause is None else f"{trial.state} ({trial.cause})"


def _job(trial: TrialStatus) -> str:
    """Return the id of a trial's job, the process id of a local one, or the trial whose result it repeats."""
    if trial.repeats is not None:
        return f"repeats trial {trial.repeats}"
    local = _LOCAL_JOB.fullmatch(trial.job_id or "")
    return local[1] if local else shown_name(trial.job_id or NONE)


def _epochs(trials: Sequence[TrialStatus], *, has_bars: bool) -> list[Text]:
    """Return the last epochs, with bars that compare them with the longest complete trial."""
    complete = (trial.epoch or 0 for trial in trials if trial.state is AttemptState.COMPLETE)
    longest = max(complete, default=0)
    texts = [NONE if trial.epoch is None else str(trial.epoch) for trial in trials]
    if not (has_bars and longest):
        return [Text(text) for text in texts]
    shares = [None if trial.epoch is None else trial.epoch / longest for trial in trials]
    return _with_bars([f"{text:<4}" for text in texts], shares)


def _objectives(status: StudyStatus, *, has_bars: bool) -> list[Column]:
    """Return the objectives, with bars from the worst to the best value, and a mark in the last column."""
    columns = []
    for index, objective in enumerate(status.goals.objectives):
        values = [trial.values[index] for trial in status.trials]
        texts = [format_metric(objective.metric, value) for value in values]
        shares = _shares(objective, values) if has_bars else [None] * len(values)
        columns.append(Column(shown_name(objective.metric), _with_bars(texts, shares)))
    heading, cells, _ = columns[-1]
    marked = [cell + _mark(status, trial) for cell, trial in zip(cells, status.trials, strict=True)]
    return [*columns[:-1], Column(heading, marked)]


def _shares(objective: Objective, values: Sequence[float | None]) -> list[float | None]:
    present = {value for value in values if value is not None}
    if len(present) < 2:
        return [None] * len(values)
    worst, best = (min, max) if objective.maximizes else (max, min)
    low, high = worst(present), best(present)
    return [None if value is None else (value - low) / (high - low) for value in values]


def _mark(status: StudyStatus, trial: TrialStatus) -> str:
    if trial.number in {best.number for best in status.best}:
        return " (best)" if status.goals.is_single else " (front)"
    return " (infeasible)" if trial.violates else ""


def _params(status: StudyStatus) -> list[Column]:
    """Return the hyperparameters, with names and values shortened in the middle if they stay different."""
    columns = []
    for name, heading in zip(status.params, _shortened_if_distinct(status.params), strict=True):
        present = [trial.params[name] for trial in status.trials if name in trial.params]
        texts = iter(_shortened_if_distinct(format_params(present)))
        cells = [Text(next(texts) if name in trial.params else NONE) for trial in status.trials]
        columns.append(Column(heading, cells, is_param=True))
    return columns


def _shortened_if_distinct(texts: Sequence[str]) -> list[str]:
    full = [one_line(text) for text in texts]
    short = [shortened(text, MAX_PARAM) for text in full]
    return short if len(set(short)) == len(set(full)) else full


def _with_bars(texts: Sequence[str], shares: Sequence[float | None]) -> list[Text]:
    return [
        Text(text if share is None else f"{text} {_bar(share)}")
        for text, share in zip(texts, shares, strict=True)
    ]


def _bar(share: float) -> str:
    filled = round(BAR_WIDTH * min(max(share, 0.0), 1.0))
    return "━" * filled + "─" * (BAR_WIDTH - filled)


def _time(trial: TrialStatus, now: datetime) -> str:
    """Return how long the attempt has trained or, if it has not started, how long it has waited."""
    if trial.started_at is None:
        if trial.ended_at is not None:
            return NONE
        return f"waiting {format_duration((now - trial.submitted_at).total_seconds())}"
    return format_duration(((trial.ended_at or now) - trial.started_at).total_seconds())
