"""Reports of studies with several objectives and with constraints."""

import dataclasses
import json
import math

import numpy as np
import optuna
import pytest
from optuna.exceptions import ExperimentalWarning
from optuna.trial import create_trial

from sweep.api import figures
from sweep.errors import InputError
from sweep.reporting.exports.json_document import document
from sweep.reporting.exports.tables import csv, markdown
from sweep.reporting.figures.history import history_info
from sweep.reporting.figures.hypervolume import (
    describe_hypervolume,
    hypervolume_info,
    num_without_improvement,
)
from sweep.reporting.figures.parallel_coordinates import parallel_info
from sweep.reporting.figures.pareto import describe_pareto, draw_pareto, pareto_info
from sweep.reporting.findings import findings
from sweep.reporting.page.comparison import comparison
from sweep.reporting.page.page import page
from sweep.reporting.redacted_study import without_passwords
from sweep.reporting.seed_statistics import evaluated_configurations
from sweep.reporting.summary import summarize
from sweep.reporting.table import front_table, trials_table
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies
from tests.sweep.reporting.page.test_page import Elements

LIMIT = {"metric": "val_loss", "at_most": 0.09}
IMPOSSIBLE = {"metric": "val_loss", "at_most": 0.0}


def of_points(*points: tuple[float, float], constraints: tuple[dict[str, object], ...] = ()) -> StudyData:
    """Return a study of complete trials with these accuracies and losses, which are both objectives."""
    data = studies.of_values([accuracy for accuracy, _ in points])
    trials = data.trials.drop(columns="value").assign(final_val_loss=[loss for _, loss in points])
    return studies.with_goals(dataclasses.replace(data, trials=trials), "val_loss", constraints=constraints)


def of_optuna(data: StudyData) -> optuna.Study:
    """Return an Optuna study with the complete trials of a study, in the order of their numbers."""
    study = optuna.create_study(directions=[objective.direction for objective in data.goals.objectives])
    for row in data.trials[data.trials["state"] == "complete"].sort_values("number").to_dict("records"):
        metrics = {name.removeprefix("final_"): row[name] for name in row if name.startswith("final_")}
        constraints = list(data.goals.violations(metrics))
        attributes = {"constraints": constraints} if constraints else {}
        study.add_trial(create_trial(values=data.goals.values(metrics), system_attrs=attributes))
    return study


@pytest.mark.parametrize("constraints", [(), (LIMIT,), (IMPOSSIBLE,)])
@pytest.mark.parametrize("others", [("train_seconds",), ("train_seconds", "val_loss")])
def test_front_is_that_of_optuna(others: tuple[str, ...], constraints: tuple[dict[str, object], ...]) -> None:
    data = studies.several_objectives(*others, constraints=constraints)
    numbers = data.trials.loc[data.trials["state"] == "complete", "number"].tolist()
    expected = {numbers[trial.number] for trial in of_optuna(data).best_trials}
    assert set(data.best_trials["number"]) == expected
    assert data.complete_trials["number"].tolist()[: len(expected)] == data.best_trials["number"].tolist()


def test_trials_are_ordered_by_the_fronts_that_they_belong_to() -> None:
    data = of_points((0.5, 0.5), (0.9, 0.4), (0.7, 0.1), (0.8, 0.45), (math.inf, 0.0))
    assert data.best_trials["number"].tolist() == [1, 2]
    assert data.complete_trials["number"].tolist() == [1, 2, 3, 0]
    assert data.ranked_trials["number"].tolist() == [1, 2, 3, 0, 4]
    assert [(each.metric, trial["number"]) for each, trial in data.front_ends] == [
        ("val_accuracy", 1),
        ("val_loss", 2),
    ]


def test_study_is_seen_with_each_objective() -> None:
    accuracy, loss = of_points((0.5, 0.1), (0.9, 0.4)).by_objective
    assert (accuracy.metric, accuracy.direction) == ("val_accuracy", "maximize")
    assert (loss.metric, loss.direction) == ("val_loss", "minimize")
    assert accuracy.complete_trials["number"].tolist() == [1, 0]
    assert loss.complete_trials["value"].tolist() == [0.1, 0.4]
    single = studies.kmnist()
    assert single.by_objective == (single,)


@pytest.mark.parametrize(
    ("constraint", "numbers"),
    [
        ({"metric": "val_accuracy", "at_most": 0.8}, [2, 0]),
        ({"metric": "val_accuracy", "at_least": 0.7}, [1, 2]),
        ({"metric": "unknown", "at_most": 1.0}, []),
    ],
)
def test_infeasible_trials_are_not_among_the_best(constraint: dict[str, object], numbers: list[int]) -> None:
    data = studies.with_goals(studies.of_values([0.5, 0.9, 0.7]), constraints=[constraint])
    assert data.complete_trials["number"].tolist() == numbers
    assert sorted(data.ranked_trials["number"]) == [0, 1, 2]
    assert history_info(data).incomplete == {"infeasible": sorted({0, 1, 2} - set(numbers))}
    states = [row.cells[-1] for row in trials_table(data, 3).rows]
    assert states.count("complete: infeasible") == 3 - len(numbers)
    assert data.best_trials["number"].tolist() == numbers[:1]


def test_pareto_figure_has_each_pair_of_objectives_and_the_numbers_of_the_trials() -> None:
    data = of_points(
        (0.5, 0.5), (0.9, 0.4), (0.7, 0.1), constraints=({"metric": "val_loss", "at_most": 0.45},)
    )
    (info,) = pareto_info(data)
    assert (info.y.metric, info.x.metric) == ("val_accuracy", "val_loss")
    assert info.dots["Pareto front"] == ([1, 2], [0.4, 0.1], [0.9, 0.7])
    assert info.dots["infeasible"].numbers == [0]
    assert [trace.customdata for trace in draw_pareto(info).data] == [None, (0,), (1, 2)]
    assert describe_pareto(info) == (
        "The Pareto front consists of 2 trials: from trial 1 with validation accuracy "
        "90.00\N{NO-BREAK SPACE}% and validation loss 0.4 to trial 2 with validation accuracy "
        "70.00\N{NO-BREAK SPACE}% and validation loss 0.1."
    )
    three = pareto_info(studies.several_objectives("train_seconds", "val_loss"))
    assert len(three) == 3
    assert all(each.is_projection for each in three)


def test_hypervolume_is_that_of_optuna() -> None:
    data = of_points((0.5, 0.5), (0.9, 0.4), (0.7, 0.1), (0.6, 0.3))
    info = hypervolume_info(data)
    assert info.numbers == [0, 1, 2, 3]
    assert info.on_front == [False, True, True, False]
    assert info.reference == {"val_accuracy": pytest.approx(0.46), "val_loss": pytest.approx(0.54)}
    with pytest.warns(ExperimentalWarning):
        figure = optuna.visualization.plot_hypervolume_history(
            of_optuna(data), reference_point=list(info.reference.values())
        )
    box = (0.9 - 0.46) * (0.54 - 0.1)
    assert np.allclose(np.array(figure.data[0].y) / box, info.shares)
    assert num_without_improvement(info) == 1
    assert "it has not grown in the last 1 trial" in describe_hypervolume(info)


@pytest.mark.parametrize("points", [(), ((0.5, 0.5),), ((0.5, 0.5), (0.5, 0.1))])
def test_hypervolume_needs_trials_that_differ(points: tuple[tuple[float, float], ...]) -> None:
    data = of_points(*points) if points else studies.several_objectives(num_trials=0)
    info = hypervolume_info(data)
    assert info.numbers == []
    assert "needs complete trials that differ in every objective" in describe_hypervolume(info)


def test_trade_offs_are_compared_with_the_row_above() -> None:
    table = front_table(of_points((0.5, 0.5), (0.9, 0.4), (0.7, 0.1), (0.7, 0.1)))
    assert [row.cells[:4] for row in table.rows] == [
        ["1", "90.00\N{NO-BREAK SPACE}%", "0.4", "–"],
        [
            "2",
            "70.00\N{NO-BREAK SPACE}%",
            "0.1",
            "validation accuracy 20.00 points worse, validation loss 0.3 better",
        ],
        ["3", "70.00\N{NO-BREAK SPACE}%", "0.1", "equal"],
    ]


def test_combinations_have_an_axis_for_each_objective() -> None:
    info = parallel_info(studies.several_objectives())
    assert [axis.name for axis in info.axes][-2:] == ["validation accuracy", "train seconds"]
    assert {line.group for line in info.lines} == {"Pareto front", "dominated"}


def test_findings_describe_the_front() -> None:
    data = of_points(
        (0.5, 0.5), (0.9, 0.4), (0.7, 0.1), constraints=({"metric": "val_loss", "at_most": 0.45},)
    )
    assert findings(data)[:4] == [
        "2 of 2 complete trials within the constraints are on the Pareto front: no other trial is better in "
        "one objective and at least as good in the others.",
        "The best validation accuracy is 90.00\N{NO-BREAK SPACE}%, of trial 1.",
        "The best validation loss is 0.1, of trial 2.",
        "Each configuration was measured once; differences of this size may be chance.",
    ]
    assert "1 complete trial violates a constraint and cannot win: validation loss at most 0.45." in findings(
        data
    )


def test_findings_say_that_no_trial_satisfies_the_constraints() -> None:
    data = studies.with_goals(studies.kmnist(), constraints=[IMPOSSIBLE])
    assert findings(data) == ["No complete trial satisfies the constraints: validation loss at most 0."]
    assert summarize(data).best is None
    assert b"no complete trial satisfies the constraints" in markdown(data)
    assert "No complete trial satisfies the constraints" in Elements(page(data)).text


STUDIES = {
    "two": studies.several_objectives(),
    "three": studies.several_objectives("train_seconds", "val_loss"),
    "constrained": studies.several_objectives(constraints=[LIMIT]),
    "infeasible": studies.several_objectives(constraints=[IMPOSSIBLE]),
    "one trial": studies.several_objectives(num_trials=1),
    "empty": studies.several_objectives(num_trials=0),
    "single, constrained": studies.with_goals(studies.kmnist(), constraints=[LIMIT]),
}


@pytest.mark.parametrize("data", STUDIES.values(), ids=STUDIES)
def test_every_export_of_every_study_can_be_made(data: StudyData) -> None:
    data = without_passwords(data)
    elements = Elements(page(data))
    assert ("Pareto front" in elements.text) == (not data.goals.is_single)
    drawn = figures(data)
    assert len(elements.plots()) == len(drawn)  # each figure has a name of its own
    content = json.loads(document(data))
    assert [each["metric"] for each in content["objectives"]] == [
        each.metric for each in data.goals.objectives
    ]
    assert [each["trial"] for each in content["front"]] == data.best_trials["number"].tolist()
    assert csv(data.trials)
    assert markdown(data)


def test_page_links_the_trials_of_the_front_with_the_figures() -> None:
    data = studies.several_objectives()
    elements = Elements(page(data))
    linked = [value for name, value in elements.attributes if name == "data-trial"]
    assert linked[: len(data.best_trials)] == [str(number) for number in data.best_trials["number"]]
    assert "pareto_val_accuracy_train_seconds" in figures(data)
    assert {"history_val_accuracy", "history_train_seconds", "hypervolume"} < set(figures(data))


def test_names_on_the_page_are_escaped() -> None:
    text = "</script><b>&"
    data = studies.hostile(text)
    trials = data.trials.drop(columns="value").assign(**{f"final_{text}": range(len(data.trials))})
    hostile = studies.with_goals(dataclasses.replace(data, trials=trials), text)
    assert "b" not in Elements(page(hostile)).tags


def test_comparison_has_a_part_for_each_objective() -> None:
    one = studies.several_objectives()
    other = studies.with_definition(studies.several_objectives(num_trials=12), name="other")
    elements = Elements(comparison([one, other]))
    assert elements.tags.count("table") == 2
    assert "best train seconds" in elements.text
    assert len(elements.plots()) == 6
    with pytest.raises(InputError, match="cannot be compared"):
        comparison([other, studies.kmnist()])


def test_evaluation_has_the_results_of_each_objective() -> None:
    data = studies.several_objectives()
    rows = data.best_trials.head(2)
    trials = rows.assign(final_test_accuracy=[0.9, 0.8], number=[0, 1], state="complete")
    evaluation = studies.with_definition(
        dataclasses.replace(data, trials=trials),
        objectives=(
            data.study.objectives[0].model_copy(update={"metric": "test_accuracy"}),
            data.study.objectives[1],
        ),
    )
    attempts = evaluation.attempts.assign(notes=[{}] * len(evaluation.attempts))
    data = dataclasses.replace(data, evaluation=dataclasses.replace(evaluation, attempts=attempts))
    accuracy, seconds = (evaluated_configurations(view) for view in data.by_objective)
    assert {each.metric for each in accuracy} == {"test_accuracy"}
    assert {each.metric for each in seconds} == {"train_seconds"}
    assert len(accuracy) == len(seconds) == 2
    text = Elements(page(data)).text
    assert "How good is it on test data?" in text
    assert "Test accuracy" in text
