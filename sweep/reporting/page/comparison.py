"""The page that compares several studies."""

from sweep.errors import InputError
from sweep.reporting.code_comparison import comparison_note
from sweep.reporting.figures.best_so_far import best_so_far_info, describe_best_so_far, draw_best_so_far
from sweep.reporting.formatting import NONE, format_metric, format_param, heading
from sweep.reporting.page.page import render
from sweep.reporting.page.sections import Panel, Plot
from sweep.reporting.params import param_names
from sweep.reporting.summary import summarize
from sweep.reporting.table import Column, Row, Table
from sweep.storage.study_data import StudyData


def comparison(studies: list[StudyData]) -> bytes:
    """Return the page that compares studies as UTF-8, for each objective the study with the best value first.

    Raises:
        InputError: If the studies do not have the same objectives.
    """
    check_comparable(studies)
    views = [
        list(of_objective) for of_objective in zip(*(each.by_objective for each in studies), strict=True)
    ]
    return render(
        "comparison.html.j2",
        names=[study.name for study in studies],
        goals=studies[0].goals,
        parts=[(each[0].metric, winners(each), _progress(each)) for each in views],
        note=comparison_note(studies),
    )


def check_comparable(studies: list[StudyData]) -> None:
    """Check that studies have the same objectives and constraints.

    Raises:
        InputError: If they do not.
    """
    goals = {study.name: str(study.goals) for study in studies}
    if len(set(goals.values())) > 1:
        listed = "\n".join(f"  {name}: {goal}" for name, goal in goals.items())
        raise InputError(
            f"these studies cannot be compared, because their objectives differ:\n{listed}\n"
            "write a report of each study instead"
        )


def winners(studies: list[StudyData]) -> Table:
    """Return one row per study, best first: its best trial with the hyperparameters, and its cost."""
    summaries = {study.name: summarize(study) for study in studies}
    names = list(dict.fromkeys(name for study in studies for name in param_names(study)))
    sign = -1 if studies[0].direction == "maximize" else 1

    def rank(study: StudyData) -> float:
        best = summaries[study.name].best
        return sign * best["value"] if best else float("inf")

    rows: list[Row] = []
    for study in sorted(studies, key=rank):
        summary = summaries[study.name]
        fixed = study.study.fixed
        value = format_metric(study.metric, summary.best["value"]) if summary.best else NONE
        cells = [
            study.name,
            value,
            str(summary.best["number"]) if summary.best else NONE,
            *(format_param(summary.best_params.get(name, fixed.get(name))) for name in names),
            f"{len(study.trials):,}",
            f"{summary.num_by_state.get('complete', 0):,}",
            summary.elapsed,
            summary.gpu_hours,
        ]
        rows.append(Row("" if rows or not summary.best else "best", cells))
    columns = [
        Column("study", False),
        Column(f"best {heading(studies[0].metric)}", True),
        Column("trial", True),
        *(Column(heading(name), True) for name in names),
        Column("trials", True),
        Column("complete", True),
        Column("time", True),
        Column("GPU hours", True),
    ]
    return Table(columns, rows)


def _progress(studies: list[StudyData]) -> Panel:
    reading = (
        "Each line is the best value so far of a study and ends where the study ended. The higher line "
        "at the same number of trials, hours or GPU hours belongs to the more efficient search."
    )
    if studies[0].direction == "minimize":
        reading = reading.replace("higher", "lower")
    plots = [
        Plot(
            f"best_so_far_{info.effort.replace(' ', '_')}", describe_best_so_far(info), draw_best_so_far(info)
        )
        for info in best_so_far_info(studies)
    ]
    return Panel("", reading, "small", plots, missing="No study has a complete trial yet.")
