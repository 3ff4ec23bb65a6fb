"""The report page of a study: one HTML file that needs no network."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep.reporting.evaluation_table import evaluation_table
from sweep.reporting.findings import findings
from sweep.reporting.formatting import format_count, format_metric, format_param, heading
from sweep.reporting.headline import tied_numbers
from sweep.reporting.next_steps import next_steps
from sweep.reporting.page.published_baselines import published_baselines
from sweep.reporting.page.repeat_commands import repeat_commands
from sweep.reporting.page.sections import Section, evaluation_section, sections
from sweep.reporting.seed_statistics import (
    EvaluatedConfiguration,
    evaluated_configurations,
    format_mean,
    verdict,
)
from sweep.reporting.selection import describe_selection
from sweep.reporting.situation import situation_of
from sweep.reporting.summary import summarize
from sweep.reporting.table import Table, failures_table, front_table, trials_table
from sweep.reporting.trial_files import log_tails, pictures
from sweep.storage.study_data import StudyData
from sweep.storage.study_definition import definition_of
from sweep.terminal_text import one_line, several_lines

MAX_ROWS = 100


def page(data: StudyData, reload_s: float | None = None) -> bytes:
    """Return the report page of a study as UTF-8.

    Every name that a user chose is escaped, in the HTML and in the JSON of the figures.

    Args:
        data: The study.
        reload_s: After how many seconds the page reloads itself; None if it will not be written again.
    """
    trials = trials_table(data, len(data.trials))
    evaluated = [(view, evaluated_configurations(view)) for view in data.by_objective]
    baselines = [published_baselines(view, configurations) for view, configurations in evaluated]
    return render(
        "report.html.j2",
        data=data,
        reload_s=reload_s,
        summary=summarize(data),
        findings=findings(data),
        next_steps=next_steps(data),
        tied=tied_numbers(situation_of(data)),
        chosen=_chosen(data, evaluated[0][1]),
        format_metric=format_metric,
        front=front_table(data),
        trials=Table(trials.columns, trials.rows[:MAX_ROWS]),
        trials_json=_trials_json(trials),
        sections=list(sections(data)),
        failures=failures_table(data),
        evaluations=[
            _evaluation(view, configurations) for view, configurations in evaluated if view.evaluation
        ],
        log_tails=log_tails(data),
        baselines=next((found for found in baselines if found is not None), None),
        pictures=pictures(data),
        commands=repeat_commands(data),
        definition=json.dumps(definition_of(data.study), indent=2, ensure_ascii=False),
    )


def render(template: str, **content: Any) -> bytes:
    """Return a page made from a template of this package.

    The file contains its style sheet, its script and plotly.js.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sweep.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters |= {"heading": heading, "param": format_param, "counted": format_count}
    # Plotly escapes <, > and / in the JSON of a figure.
    environment.filters["figure_json"] = lambda plot: Markup(plot.figure.to_json())
    scripts = {
        "plotlyjs": get_plotlyjs(),
        "script": resources.files(__package__).joinpath("report.js").read_text(),
    }
    hashes = Markup(" ").join(Markup(f"'{_script_hash(text)}'") for text in scripts.values())
    fixed = {"script_hashes": hashes, **{name: Markup(text) for name, text in scripts.items()}}
    return environment.get_template(template).render(**fixed, **content).encode()


def _script_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy permits a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _readable(value: Any) -> Any:
    """Return a text with the characters escaped that control a terminal or reorder a line."""
    return several_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class _Chosen(NamedTuple):
    """The chosen configuration of an evaluation, which leads the page.

    Attributes:
        trial: The trial that found it.
        metric: The metric on the test data.
        mean: The mean with its confidence interval as text.
        num_seeds: The number of seeds.
        searched: The trial's value of the objective.
        params: The searched hyperparameters.
    """

    trial: int
    metric: str
    mean: str
    num_seeds: int
    searched: float
    params: Mapping[str, Any]


def _chosen(data: StudyData, configurations: Sequence[EvaluatedConfiguration]) -> _Chosen | None:
    """Return the chosen configuration; None without results, or with several objectives."""
    if not configurations or not data.goals.is_single:
        return None
    first = configurations[0]
    searched = data.trials.loc[data.trials["number"] == first.trial, "value"].iloc[0]
    return _Chosen(
        first.trial, first.metric, format_mean(first), len(first.values), float(searched), first.params
    )


class _Evaluation(NamedTuple):
    """The results on test data for one objective: a section with figures, a table and sentences."""

    metric: str
    section: Section
    table: Table
    verdict: str
    selection: Sequence[str]


def _evaluation(data: StudyData, configurations: Sequence[EvaluatedConfiguration]) -> _Evaluation:
    assert data.evaluation is not None
    return _Evaluation(
        metric=data.evaluation.metric,
        section=evaluation_section(data.evaluation, configurations),
        table=evaluation_table(configurations, data.direction),
        verdict=verdict(configurations, data.direction),
        selection=describe_selection(configurations, data.direction, with_leads=False),
    )


def _trials_json(trials: Table) -> Markup:
    """Return every trial as text, by number, for the line that describes the highlighted trial."""
    rows: Mapping[str, Any] = {
        "names": [one_line(column.heading) for column in trials.columns],
        "trials": {row.cells[0]: [one_line(cell) for cell in row.cells[1:]] for row in trials.rows},
    }
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
