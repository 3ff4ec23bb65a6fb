"""The status of studies as tables for a terminal."""

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweep.goals import Goals, Objective
from sweep.reporting.formatting import NONE, format_count, format_duration, format_metric
from sweep.reporting.status.study_status import StudyStatus
from sweep.states import AttemptState, Stop
from sweep.storage.code_version import SHORT_DIGEST
from sweep.storage.status_queries import TrialStatus
from sweep.terminal_text import one_line

BAR_WIDTH = 8
MAX_FRONT = 12  # trials of a Pareto front that are listed
MAX_NAME = 60  # characters of a name that are shown
NUM_ERRORS = 3  # of how many failed trials the errors are shown
NUM_LINES_AROUND = 15 + NUM_ERRORS  # lines of a study's screen that do not show trials
STYLES = {
    AttemptState.SUBMITTING: "dim",
    AttemptState.PENDING: "yellow",
    AttemptState.RUNNING: "cyan",
    AttemptState.COMPLETE: "green",
    AttemptState.PRUNED: "dim",
    AttemptState.FAILED: "red",
}
STOPS = {
    Stop.FINISH: "; stop requested, the active trials continue to their end",
    Stop.CANCEL: "; stop requested, the active trials are cancelled",
}
NOT_RUNNING = "not running"
LIMITS = {"hours": "its budget of hours is spent", "gpu_hours": "its budget of GPU hours is spent"}


def show_study(status: StudyStatus, now: datetime) -> RenderableType:
    """Return the status of one study: the summary, and a table of its trials.

    Names and values that come from the database are shown literally: a `Text` contains no markup.
    """
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    goal = f", to {_goals(status.goals)}"
    facts.add_row("study", Text.assemble((_name(status.name), "bold"), goal))
    for name, fact in (
        ("launcher", _launcher(status, now)),
        ("trials", _states(status)),
        ("budget", _budget(status)),
        ("forecast", _forecast(status, now)),
        ("best" if status.goals.is_single else "front", _best(status)),
    ):
        facts.add_row(name, Text(fact))
    if status.stopped_early is not None:
        facts.add_row("ended", Text(f"early: {status.stopped_early}"))
    if status.code:
        facts.add_row("code", Text(_code(status)))
    if status.failing_nodes:
        nodes = ", ".join(
            f"{_name(node.name)} ({node.num_failures} jobs failed before they started)"
            for node in status.failing_nodes
        )
        facts.add_row("excluded", Text(nodes))
    if status.unreported_metric is not None:
        metric = _name(status.unreported_metric)
        facts.add_row(
            "pruner", Text(f"no trial can be pruned, because no trial reports {metric} in an epoch")
        )
    parts: list[RenderableType] = [facts]
    if status.trials:
        parts.append(_trials(status, now))
        parts += _errors(status)
    if (num_hidden := status.spent.trials - len(status.trials)) > 0:
        parts.append(f"{format_count(num_hidden, 'more trial')} not shown; use --json to list all")
    return Group(*parts)


def show_studies(statuses: Sequence[StudyStatus], now: datetime) -> RenderableType:
    """Return the status of several studies as a table with one row per study."""
    table = _table("study", "trials", "active", "failed", "best", "", "forecast", "launcher")
    for status in statuses:
        table.add_row(
            Text(_name(status.name), "bold"),
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
    return f"study {_name(status.name)}: {_states(status)}; {word}: {_best(status)}"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(Text(column), no_wrap=True)
    return table


def _trials(status: StudyStatus, now: datetime) -> Table:
    code = ["code"] if len(status.code) > 1 else []
    metrics = [_name(objective.metric) for objective in status.goals.objectives]
    table = _table("trial", "state", "attempt", "job", "node", "epoch", *metrics, "time", *code)
    best = {trial.number for trial in status.best}
    word = "best" if status.goals.is_single else "front"
    longest = max(
        (trial.epoch or 0 for trial in status.trials if trial.state is AttemptState.COMPLETE), default=0
    )
    columns = list(zip(*(trial.values for trial in status.trials), strict=True))
    for _, trials in groupby(status.trials, key=lambda trial: trial.is_active):
        for trial in trials:
            mark = f" ({word})" if trial.number in best else " (infeasible)" if trial.violates else ""
            values = [
                _value(value, objective, column)
                for value, objective, column in zip(
                    trial.values, status.goals.objectives, columns, strict=True
                )
            ]
            table.add_row(
                str(trial.number),
                Text(_state(trial), STYLES[trial.state]),
                str(trial.attempt),
                Text(_job(trial)),
                Text(_name(trial.host or NONE)),
                _epoch(trial, longest),
                *values[:-1],
                values[-1] + mark,
                _time(trial, now),
                *([trial.snapshot[:SHORT_DIGEST] if trial.snapshot else NONE] if code else []),
            )
        table.add_section()
    return table


def _name(text: str) -> str:
    """Return a name on one line, without anything that a terminal obeys, and shortened if it is very long."""
    shown = one_line(text[: MAX_NAME + 1])
    return shown if len(shown) <= MAX_NAME else shown[: MAX_NAME - 1] + "…"


def _job(trial: TrialStatus) -> str:
    """Return the id of a trial's job, or the trial whose result it has taken over without one."""
    if trial.repeats is not None:
        return f"repeats trial {trial.repeats}"
    return _name(trial.job_id or NONE)


def _errors(status: StudyStatus) -> list[Text]:
    """Return the errors of the first failed trials shown, and the command that shows more."""
    failed = [trial for trial in status.trials if trial.error][:NUM_ERRORS]
    if not failed:
        return []
    number = failed[0].number
    lines = [
        Text(f"trial {trial.number}: {trial.error}", "red", no_wrap=True, overflow="ellipsis")
        for trial in failed
    ]
    return [
        *lines,
        Text(f"more: sweep logs --study {shlex.quote(_name(status.name))} --trial {number}", "dim"),
    ]


def _epoch(trial: TrialStatus, longest: int) -> str:
    """Return the last epoch with a bar that compares it with the longest complete trial."""
    if trial.epoch is None:
        return NONE
    return f"{trial.epoch:<4} {_bar(trial.epoch / longest)}" if longest else str(trial.epoch)


def _value(value: float | None, objective: Objective, column: Sequence[float | None]) -> str:
    """Return the value of an objective with a bar from the worst to the best value of the trials shown."""
    shown, values = format_metric(objective.metric, value), {other for other in column if other is not None}
    if value is None or len(values) < 2:
        return shown
    worst, best = (min, max) if objective.maximizes else (max, min)
    share = (value - worst(values)) / (best(values) - worst(values))
    return f"{shown} {_bar(share)}"


def _bar(share: float) -> str:
    filled = round(BAR_WIDTH * min(max(share, 0.0), 1.0))
    return "━" * filled + "─" * (BAR_WIDTH - filled)


def _state(trial: TrialStatus) -> str:
    return trial.state if trial.cause is None else f"{trial.state} ({trial.cause})"


def _time(trial: TrialStatus, now: datetime) -> str:
    """Return how long the attempt has trained or, if it has not started, how long it has waited."""
    if trial.started_at is None:
        if trial.ended_at is not None:
            return NONE
        return f"waiting {format_duration((now - trial.submitted_at).total_seconds())}"
    return format_duration(((trial.ended_at or now) - trial.started_at).total_seconds())


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
    objectives = [objective._replace(metric=_name(objective.metric)) for objective in goals.objectives]
    constraints = [constraint._replace(metric=_name(constraint.metric)) for constraint in goals.constraints]
    return str(Goals(tuple(objectives), tuple(constraints)))


def _best_cells(status: StudyStatus) -> tuple[str, Text]:
    """Return the best value and its metric or, with several objectives, the size of the Pareto front."""
    if not status.goals.is_single:
        return f"{len(status.best):,}", Text("on the Pareto front")
    metric = status.goals.objectives[0].metric
    return format_metric(metric, status.best[0].values[0]) if status.best else NONE, Text(_name(metric))


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
    return f"trial {status.best[0].number}, {_name(metric)} = {value}"
