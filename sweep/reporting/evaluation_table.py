"""The table of the evaluated configurations."""

from collections.abc import Sequence

from sweep.reporting.formatting import format_param, heading
from sweep.reporting.seed_statistics import EvaluatedConfiguration, format_mean
from sweep.reporting.selection import HEADINGS, selection_cells
from sweep.reporting.table import Column, Row, Table


def evaluation_table(configurations: Sequence[EvaluatedConfiguration], direction: str) -> Table:
    """Return a table of the configurations with their hyperparameters, number of seeds and mean.

    If there are results enough to compare them, it also has the probability that each is the best.
    """
    names = list(dict.fromkeys(name for each in configurations for name in each.params))
    metric = heading(configurations[0].metric) if configurations else ""
    columns = [Column("trial", True), *(Column(heading(name), True) for name in names)]
    columns += [Column("seeds", True), Column(f"{metric} ± 95 %", True)]
    compared = selection_cells(configurations, direction)
    if compared is not None:
        columns += [Column(text, True) for text in HEADINGS]
    rows = []
    for rank, each in enumerate(configurations):
        params = (format_param(each.params.get(name)) for name in names)
        cells = [str(each.trial), *params, str(len(each.values)), format_mean(each)]
        rows.append(Row("" if rank else "best", [*cells, *(compared[rank] if compared else [])]))
    return Table(columns, rows)
