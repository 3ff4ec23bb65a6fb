import dataclasses
import json
from html.parser import HTMLParser

import pandas as pd
import pytest

from sweep.reporting.page.page import MAX_ROWS, page
from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

HOSTILE = "</script><script>alert('é')</script><b>&"
ADDRESS_ATTRIBUTES = {"src", "href", "action", "data", "srcset", "poster"}


class Elements(HTMLParser):
    """The tags and attributes of a page, its text, and the text of its scripts."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.figures: list[dict[str, object]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    def plots(self) -> list[dict[str, object]]:
        return [json.loads(script) for script in self.scripts if script.startswith('{"data"')]


def named(text: str) -> StudyData:
    """Return a study in which every name and every text is `text`."""
    data = studies.of_values(
        [0.5, 0.6, 0.7, 0.8],
        {text: [text, "b"] * 2},
        {text: {"type": "categorical", "choices": [text, "b"]}},
    )
    data.trials["error"] = data.trials["cause"] = text
    data = dataclasses.replace(data, provenance={text: text, "packages": {text: text}})
    return studies.with_definition(data, name=text, dataset=text, fixed={text: text})


@pytest.fixture(scope="module")
def kmnist() -> Elements:
    return Elements(page(studies.with_baselines(studies.kmnist())))


def test_page_requests_nothing_from_a_network(kmnist: Elements) -> None:
    addresses = [str(value) for name, value in kmnist.attributes if name in ADDRESS_ATTRIBUTES]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    policy = next(
        value for name, value in kmnist.attributes if name == "content" and "default-src" in str(value)
    )
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_unknown_provenance_is_omitted() -> None:
    data = studies.kmnist()
    unknown = dataclasses.replace(data, provenance={**data.provenance, "git_commit": None})
    text = Elements(page(unknown)).text
    assert "git commit" not in text
    assert "git dirty" in text


def test_page_reloads_itself_only_on_request(kmnist: Elements) -> None:
    assert ("http-equiv", "refresh") not in kmnist.attributes
    again = Elements(page(studies.one_trial(), reload_s=30))
    assert ("http-equiv", "refresh") in again.attributes
    assert ("content", "30") in again.attributes


def test_plotly_is_embedded_once_and_cannot_upload(kmnist: Elements) -> None:
    assert sum("plotly.js v" in script for script in kmnist.scripts) == 1
    drawing = kmnist.scripts[-1]
    for setting in ("displaylogo: false", "showSendToCloud: false", 'plotlyServerURL: ""'):
        assert setting in drawing


def test_every_figure_has_a_place_and_a_description(kmnist: Elements) -> None:
    plots = [
        plot for section in sections(studies.kmnist()) for panel in section.panels for plot in panel.plots
    ]
    num_figures = len(plots)
    assert num_figures == 1 + 1 + 1 + 1 + len(studies.SPACE) + len(studies.METRICS) + 2 + 2
    assert len(kmnist.plots()) == num_figures
    assert kmnist.attributes.count(("role", "img")) == num_figures
    assert all(value for name, value in kmnist.attributes if name == "aria-label")


def test_every_section_has_a_heading(kmnist: Elements) -> None:
    assert kmnist.tags.count("h1") == 1
    assert (
        kmnist.tags.count("h2") == 1 + 5 + 4
    )  # result, figures, failures, next steps, baselines and provenance
    assert kmnist.tags.count("main") == 1


def test_page_contains_the_best_value_and_the_provenance(kmnist: Elements) -> None:
    data = studies.kmnist()
    assert f"{100 * data.trials['value'].max():.2f}\N{NO-BREAK SPACE}%" in kmnist.text
    assert data.provenance["git_commit"] in kmnist.text
    assert "TensorFlow".lower() in kmnist.text


def test_names_chosen_by_a_user_are_escaped() -> None:
    harmless, attacked = (Elements(page(named(text))) for text in ("calm", HOSTILE))
    assert attacked.tags == harmless.tags
    assert len(attacked.plots()) == len(harmless.plots())
    assert HOSTILE in attacked.text


@pytest.mark.parametrize("make", [studies.empty, studies.one_trial, studies.all_failed])
def test_study_without_results_has_a_page(make: object) -> None:
    data = make()  # type: ignore[operator]
    elements = Elements(page(data))
    assert data.name in elements.text
    if data.trials.empty:
        assert "No trial has started yet." in elements.text
        assert elements.plots() == []


def test_page_of_a_large_study_lists_the_best_trials_only() -> None:
    data = studies.of_values([i / 1000 for i in range(1000)])
    elements = Elements(page(studies.with_definition(data, dataset="digits", space={}, fixed={})))
    assert elements.tags.count("tr") == 1 + MAX_ROWS
    assert (
        f"These are the first {MAX_ROWS} of 1,000 trials; trials.csv contains all of them." in elements.text
    )


def test_page_shows_the_evaluation() -> None:
    data = studies.kmnist()
    best = data.complete_trials.iloc[[0]]
    params = best[[name for name in best.columns if name.startswith("param_")]]
    trials = pd.concat([params] * 2, ignore_index=True).assign(
        number=[0, 1], state="complete", value=[0.95, 0.96]
    )
    evaluation = dataclasses.replace(studies.evaluation([(0, 0.0)] * 2), trials=trials)
    text = page(dataclasses.replace(data, evaluation=evaluation)).decode()
    assert "How good is it on test data?" in text
    assert "Results by class" in text
    assert '<h3>On test data</h3>\n<p class="large best">95.50\N{NO-BREAK SPACE}% ±' in text
    assert "<li>On test data, trial " in text
    assert "How good is it on test data?" not in page(data).decode()


def test_page_of_an_evaluation_without_results() -> None:
    text = page(dataclasses.replace(studies.kmnist(), evaluation=studies.evaluation([]))).decode()
    assert "No evaluation is complete yet." in text


def test_card_of_the_best_value_reports_a_tie() -> None:
    assert "trial 0, tied with 1 other trial</p>" in page(studies.of_values([0.9, 0.9, 0.8])).decode()
    assert "tied with" not in page(studies.of_values([0.9, 0.8])).decode()
