"""The tables of a study for a paper or a pull request, with the cells that are printed in bold."""

from collections.abc import Collection
from typing import NamedTuple

from sweep.reporting.evaluation_table import evaluation_table
from sweep.reporting.formatting import heading
from sweep.reporting.seed_statistics import CONFIDENCE, evaluated_configurations
from sweep.reporting.table import FINAL, Table, final_metrics, trials_table
from sweep.storage.study_data import StudyData

COLUMN_GAP = 3  # between two columns, in characters


class MarkedTable(NamedTuple):
    """A table with a caption.

    Attributes:
        caption: One sentence that says what the table contains.
        table: The table.
        bold: The row and the column of each cell with the best value, counted from 0.
    """

    caption: str
    table: Table
    bold: Collection[tuple[int, int]]


def marked_trials(data: StudyData, limit: int) -> MarkedTable:
    """Return the `limit` best trials; the best value of each objective among feasible trials is bold."""
    table = trials_table(data, limit)
    rows = {row.cells[0]: index for index, row in enumerate(table.rows)}
    objectives = [each.metric for each in data.goals.objectives if each.metric in final_metrics(data)]
    bold = []
    for objective, best in data.front_ends:
        if objective.metric not in objectives:
            continue
        column = FINAL + objective.metric
        ties = data.complete_trials.loc[data.complete_trials[column] == best[column], "number"]
        place = 1 + objectives.index(objective.metric)  # after the trial's number
        bold += [(rows[str(number)], place) for number in ties if str(number) in rows]
    num_trials = len(data.trials)
    which = f"The best {limit} of {num_trials:,} trials" if num_trials > limit else "The trials"
    return MarkedTable(f"{which} of the study {data.name}.", table, bold)


def marked_evaluations(data: StudyData) -> list[MarkedTable]:
    """Return the evaluated configurations, a table for each objective; the best mean is bold.

    Each mean over several seeds has a confidence interval.
    """
    found = []
    for view in data.by_objective:
        if not (configurations := evaluated_configurations(view)):
            continue
        table = evaluation_table(configurations, view.direction)
        best = max if view.direction == "maximize" else min
        best_mean = best(each.mean for each in configurations)
        metric = heading(configurations[0].metric)
        column = 2 + len({name for each in configurations for name in each.params})  # after the seeds
        bold = [(index, column) for index, each in enumerate(configurations) if each.mean == best_mean]
        caption = (
            f"The evaluated configurations of the study {data.name} in the order of their validation "
            f"results, with the mean {metric} over seeds and its {CONFIDENCE:.0%} confidence interval."
        )
        found.append(MarkedTable(caption, table, bold))
    return found


def split_columns(marked: MarkedTable, max_width: int) -> list[MarkedTable]:
    """Split a table into parts that each begin with the first column.

    Args:
        marked: The table.
        max_width: The greatest width of a part in characters. A part has at least one further column.
    """
    columns, rows = marked.table
    widths = [
        max(len(column.heading), *(len(row.cells[index]) for row in rows), 0) + COLUMN_GAP
        for index, column in enumerate(columns)
    ]
    parts: list[list[int]] = [[0]]
    for index in range(1, len(columns)):
        is_full = sum(widths[each] for each in parts[-1]) + widths[index] > max_width
        if is_full and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(index)
    if len(parts) == 1:
        return [marked]
    return [
        MarkedTable(
            f"{marked.caption} Part {number} of {len(parts)}.",
            Table(
                [columns[index] for index in part],
                [row._replace(cells=[row.cells[index] for index in part]) for row in rows],
            ),
            {(row, part.index(index)) for row, index in marked.bold if index in part},
        )
        for number, part in enumerate(parts, start=1)
    ]
