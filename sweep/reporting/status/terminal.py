"""The status of studies as tables for a terminal."""

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweep.goals import Goals
from sweep.reporting.formatting import NONE, format_count, format_duration, format_metric
from sweep.reporting.status.study_status import StudyStatus
from sweep.reporting.status.trial_columns import (
    blocks_of_columns,
    fitting_columns,
    new_table,
    shown_name,
    table_of,
    trial_columns,
)
from sweep.states import AttemptState, Stop
from sweep.terminal_text import one_line

MAX_FRONT = 12  # trials of a Pareto front that are listed
NUM_ERRORS = 3  # of how many failed trials the errors are shown
MIN_TRIALS = 3  # are shown on a terminal with few lines
FEW_LINES = 30  # of a terminal, on which the summary is short
NUM_LINES_BELOW = 3  # of the terminal: the number of trials not shown, a note, and the prompt
STOPS = {
    Stop.FINISH: "; stop requested, the active trials continue to their end",
    Stop.CANCEL: "; stop requested, the active trials are cancelled",
}
NOT_RUNNING = "not running"
LIMITS = {"hours": "its budget of hours is spent", "gpu_hours": "its budget of GPU hours is spent"}


def show_study(
    status: StudyStatus,
    now: datetime,
    width: int,
    height: int | None = None,
    *,
    shows_all_params: bool = False,
) -> RenderableType:
    """Return the status of one study: the summary, and a table of its trials.

    Names and values that come from the database are shown literally: a `Text` contains no markup.

    Args:
        status: The status of the study.
        now: The current time.
        width: The number of characters of a line.
        height: The number of lines, which limits the number of trials; None for no limit.
        shows_all_params: Whether further tables show the hyperparameters that do not fit.
    """
    facts = _facts(status, now, is_short=height is not None and height < FEW_LINES)
    if height is not None:
        status = _limited(status, height - len(Console(width=width).render_lines(facts)))
    parts: list[RenderableType] = [facts]
    notes: list[str] = []
    if status.trials:
        columns = trial_columns(status, now, width)
        shown = fitting_columns(columns, width)
        parts.append(table_of(shown))
        hidden = [column for column in columns if column.is_param and column not in shown]
        if hidden and shows_all_params:
            blocks = blocks_of_columns(hidden, width - columns[0].width)
            parts += [table_of([columns[0], *block]) for block in blocks]
        elif hidden:
            notes.append(f"{format_count(len(hidden), 'more hyperparameter')} not shown; use --params")
        parts += _errors(status)
    if not status.selection.is_everything:
        notes.append(f"{format_count(status.num_selected, 'trial')} selected")
    if (num_hidden := status.num_selected - len(status.trials)) > 0:
        notes.append(f"{format_count(num_hidden, 'more trial')} not shown; use --json to list all")
    return Group(*parts, *([Text("; ".join(notes), "dim")] if notes else []))


def _facts(status: StudyStatus, now: datetime, *, is_short: bool) -> Table:
    """Return the summary of a study, without what the page of a report says too if it is to be short."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    goal = f", to {_goals(status.goals)}"
    facts.add_row("study", Text.assemble((shown_name(status.name), "bold"), goal))
    for name, fact in (
        ("launcher", _launcher(status, now)),
        ("trials", _states(status)),
        ("budget", _budget(status)),
        ("forecast", _forecast(status, now)),
        ("best" if status.goals.is_single else "front", _result(status, is_short=is_short)),
    ):
        facts.add_row(name, Text(fact))
    if status.stopped_early is not None:
        facts.add_row("ended", Text(f"early: {status.stopped_early}"))
    if status.code:
        facts.add_row("code", Text(_code(status)))
    if status.failing_nodes:
        nodes = ", ".join(
            f"{shown_name(node.name)} ({node.num_failures} jobs failed before they started)"
            for node in status.failing_nodes
        )
        facts.add_row("excluded", Text(nodes))
    if status.unreported_metric is not None:
        metric = shown_name(status.unreported_metric)
        facts.add_row(
            "pruner", Text(f"no trial can be pruned, because no trial reports {metric} in an epoch")
        )
    return facts


def _limited(status: StudyStatus, num_lines: int) -> StudyStatus:
    """Return a status with as many trials as fit into this number of lines, together with their errors."""
    available = num_lines - 1 - NUM_LINES_BELOW
    if _shows_every_error(status):
        available = (available - 1) // 2
    else:
        num_fitting, num_failed = 0, 0
        for num_trials, trial in enumerate(status.trials, start=1):
            num_failed += trial.error is not None
            num_error_lines = min(num_failed, NUM_ERRORS) + 1 if num_failed else 0
            if num_trials + num_error_lines <= available:
                num_fitting = num_trials
        available = num_fitting
    return status._replace(trials=status.trials[: max(available, MIN_TRIALS)])


def _shows_every_error(status: StudyStatus) -> bool:
    return status.selection.state is AttemptState.FAILED


def show_studies(statuses: Sequence[StudyStatus], now: datetime) -> RenderableType:
    """Return the status of several studies as a table with one row per study."""
    table = new_table("study", "trials", "active", "failed", "best", "", "forecast", "launcher")
    for status in statuses:
        table.add_row(
            Text(shown_name(status.name), "bold"),
            f"{status.spent.trials:,} of {status.plan.trials:,}",
            f"{status.num_active:,}",
            f"{status.num_by_state.get(AttemptState.FAILED, 0):,}",
            *_best_cells(status),
            _when(status, now) or NONE,
            Text(one_line(status.launcher)) if status.launcher else NOT_RUNNING,
        )
    return table


def plain_line(status: StudyStatus) -> str:
    """Return the status of one study as one line, for a log file."""
    word = "best" if status.goals.is_single else "front"
    return f"study {shown_name(status.name)}: {_states(status)}; {word}: {_best(status)}"


def _errors(status: StudyStatus) -> list[Text]:
    """Return the errors of failed trials, and the command that shows more.

    They are those of the first trials shown, or of all if failed trials are selected.
    """
    failed = [trial for trial in status.trials if trial.error]
    if not _shows_every_error(status):
        failed = failed[:NUM_ERRORS]
    if not failed:
        return []
    number = failed[0].number
    lines = [
        Text(f"trial {trial.number}: {trial.error}", "red", no_wrap=True, overflow="ellipsis")
        for trial in failed
    ]
    return [
        *lines,
        Text(f"more: sweep logs --study {shlex.quote(shown_name(status.name))} --trial {number}", "dim"),
    ]


def _launcher(status: StudyStatus, now: datetime) -> str:
    if status.launcher is not None:
        age = format_duration((now - status.launcher.seen_at).total_seconds())
        stop = STOPS[status.stop] if status.stop else ""
        return f"{one_line(status.launcher)}, last heartbeat {age} ago{stop}"
    if status.launcher_seen_at is None:
        return NOT_RUNNING
    age = format_duration((now - status.launcher_seen_at).total_seconds())
    return f"{NOT_RUNNING}, last heartbeat {age} ago"


def _code(status: StudyStatus) -> str:
    """Return the snapshot that the trials run, or the number of trials of each if they run several."""
    if len(status.code) == 1:
        return str(status.code[0].snapshot)
    return "; ".join(
        f"{format_count(version.num_trials, 'trial')}: {version.snapshot}" for version in status.code
    )


def _states(status: StudyStatus) -> str:
    counts = [f"{number:,} {state}" for state, number in status.num_by_state.items()]
    if status.num_enqueued:
        counts.append(f"{status.num_enqueued:,} enqueued")
    if status.num_retries:
        counts.append(f"{status.num_retries:,} to be retried")
    return ", ".join(counts) or "none yet"


def _budget(status: StudyStatus) -> str:
    spent, plan = status.spent, status.plan
    parts = [f"{spent.trials:,} of {plan.trials:,} trials, {max(plan.trials - spent.trials, 0):,} left"]
    for used, limit, unit in (
        (spent.hours, plan.hours, "hours"),
        (spent.gpu_hours, plan.gpu_hours, "GPU hours"),
    ):
        if limit is not None:
            parts.append(f"{used:,.1f} of {limit:,g} {unit}, {max(limit - used, 0):,.1f} left")
        elif unit == "GPU hours" and used > 0:
            parts.append(f"{used:,.1f} GPU hours")
    return "; ".join(parts)


def _forecast(status: StudyStatus, now: datetime) -> str:
    if (when := _when(status, now)) is None:
        is_closed = status.spent.trials >= status.plan.trials or status.stop or status.stopped_early
        is_done = status.num_active == 0 and is_closed
        return "nothing is left to do" if is_done else "available once a trial has ended"
    assert status.forecast is not None
    trials = format_count(status.forecast.trials, "trial")
    reason = LIMITS.get(status.forecast.ended_by, "a stop is requested" if status.stop else None)
    return f"{when}, after {trials}" + (f", because {reason}" if reason else "")


def _when(status: StudyStatus, now: datetime) -> str | None:
    """Return when the study ends or, without a launcher, how long it would take."""
    if status.forecast is None:
        return None
    duration = format_duration(status.forecast.in_s)
    if status.launcher is None:
        return f"{duration} once the study is launched again"
    end = (now + timedelta(seconds=status.forecast.in_s)).astimezone()
    return f"ends about {end:%a %H:%M}, in {duration}"


def _goals(goals: Goals) -> str:
    """Return the goals as a clause, with each name shortened if it is very long."""
    objectives = [objective._replace(metric=shown_name(objective.metric)) for objective in goals.objectives]
    constraints = [
        constraint._replace(metric=shown_name(constraint.metric)) for constraint in goals.constraints
    ]
    return str(Goals(tuple(objectives), tuple(constraints)))


def _best_cells(status: StudyStatus) -> tuple[str, Text]:
    """Return the best value and its metric or, with several objectives, the size of the Pareto front."""
    if not status.goals.is_single:
        return f"{len(status.best):,}", Text("on the Pareto front")
    metric = status.goals.objectives[0].metric
    return format_metric(metric, status.best[0].values[0]) if status.best else NONE, Text(shown_name(metric))


def _result(status: StudyStatus, *, is_short: bool) -> str:
    """Return what the study has shown; the best trial alone if there is nothing to compare it with."""
    if status.num_by_state.get(AttemptState.COMPLETE, 0) < 2 or not (status.headline and status.best):
        return _best(status)
    if not status.goals.is_single:  # the numbers of the trials are worth more than the best values
        return f"{_best(status)}. {one_line(' '.join(status.headline[-2:]))}"
    sentences = status.headline[:-1] if is_short else status.headline
    return one_line(" ".join(sentences))


def _best(status: StudyStatus) -> str:
    """Return the best trial with its value or, with several objectives, the trials of the Pareto front."""
    if not status.best:
        if status.goals.constraints and status.num_by_state.get(AttemptState.COMPLETE):
            return "no complete trial satisfies the constraints yet"
        return "no trial is complete yet"
    if not status.goals.is_single:
        numbers = ", ".join(str(trial.number) for trial in status.best[:MAX_FRONT])
        more = ", …" if len(status.best) > MAX_FRONT else ""
        return f"{format_count(len(status.best), 'trial')}: {numbers}{more}"
    metric = status.goals.objectives[0].metric
    value = format_metric(metric, status.best[0].values[0])
    return f"trial {status.best[0].number}, {shown_name(metric)} = {value}"
