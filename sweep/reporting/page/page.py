"""The report page: one HTML file that needs no network."""

import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep.reporting.findings import findings
from sweep.reporting.formatting import heading, show_count, show_metric, show_param
from sweep.reporting.page.published_baselines import standing
from sweep.reporting.page.repeat_commands import commands
from sweep.reporting.page.sections import evaluation_section, sections
from sweep.reporting.seed_statistics import evaluated, evaluation_table, show_mean, verdict
from sweep.reporting.summary import summarise
from sweep.reporting.table import Table, failures_table, trials_table
from sweep.reporting.trial_files import log_tails, pictures
from sweep.storage.study_data import StudyData
from sweep.storage.study_definition import definition_of

MAX_ROWS = 100


def page(data: StudyData, reload_s: float | None = None) -> bytes:
    """The page as UTF-8; whatever a user named is escaped, in the HTML and in the figures' JSON.

    One that is written anew while the study runs reloads itself after `reload_s`, if that is given.
    """
    trials = trials_table(data, len(data.trials))
    return render(
        "report.html.j2",
        data=data,
        reload_s=reload_s,
        summary=summarise(data),
        findings=findings(data),
        show_value=lambda value: show_metric(data.metric, value),
        trials=Table(trials.columns, trials.rows[:MAX_ROWS]),
        trials_json=_trials_json(trials),
        sections=list(sections(data)),
        failures=failures_table(data),
        **_evaluation(data),
        log_tails=log_tails(data),
        standing=standing(data),
        pictures=pictures(data),
        commands=commands(data),
        definition=json.dumps(definition_of(data.study), indent=2, ensure_ascii=False),
    )


def render(template: str, **content: Any) -> bytes:
    """A page of this package: its style, its script and plotly.js are in the file itself."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sweep.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"heading": heading, "param": show_param, "counted": show_count}
    # plotly escapes <, > and / in a figure's JSON
    environment.filters["figure_json"] = lambda plot: Markup(plot.figure.to_json())
    return environment.get_template(template).render(plotlyjs=Markup(get_plotlyjs()), **content).encode()


def _evaluation(data: StudyData) -> Mapping[str, Any]:
    if data.evaluation is None:
        return {"evaluation": None}
    configurations = evaluated(data)
    return {
        "evaluation": evaluation_section(data.evaluation, configurations),
        "evaluated": evaluation_table(configurations),
        "verdict": verdict(configurations, data.direction),
        "tested": {each.trial: show_mean(each) for each in configurations},
    }


def _trials_json(trials: Table) -> Markup:
    """Every trial in words, by number, for the line that says which one is followed."""
    shown: Mapping[str, Any] = {
        "names": [column.heading for column in trials.columns],
        "trials": {row.cells[0]: row.cells[1:] for row in trials.rows},
    }
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
