"""What a study is said to have shown, in every kind of situation."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from optuna.distributions import FloatDistribution
from sqlalchemy import Engine

from sweep.goals import Constraint, Goals, Objective
from sweep.reporting.headline import FrontEnd, Result, SeedNoise, Situation, headline
from sweep.reporting.recorded_situation import recorded_situation
from sweep.reporting.seed_statistics import EvaluatedConfiguration
from sweep.reporting.situation import situation_of
from sweep.storage.database import connect, parse_url
from sweep.storage.studies import get_study
from sweep.storage.study_reader import study_data
from tests.sweep.reporting.recorded_study import COMPLETE, FAILED, PRUNED, RecordedStudy

ACCURACY = Goals((Objective("val_accuracy", "maximize"),))
LOSS = Goals((Objective("val_loss", "minimize"),))
TWO = Goals((Objective("val_accuracy", "maximize"), Objective("train_seconds", "minimize")))
LIMITED = ACCURACY._replace(constraints=(Constraint("peak_memory_gb", 16.0, is_upper=True),))
ONCE = "Each configuration was measured once; differences of this size may be chance."
GROWS = "More trials may help: only 2 of 3 complete trials came after the last that improved the result."


def of(*values: float, goals: Goals = ACCURACY, **fields: object) -> Situation:
    """Return a situation in which trials have these values, the best first."""
    results = tuple(Result(number, value) for number, value in enumerate(values))
    situation = Situation(
        goals,
        num_trials=len(values),
        num_complete=len(values),
        num_since_improvement=max(len(values) - 1, 0),
        results=results,
    )
    return replace(situation, **fields)  # type: ignore[arg-type]


def front(*numbers: int, num_complete: int, goals: Goals = TWO, **fields: object) -> Situation:
    """Return a situation with two objectives in which these trials are on the Pareto front."""
    ends = (FrontEnd("val_accuracy", numbers[0], 0.95), FrontEnd("train_seconds", numbers[-1], 12.0))
    situation = Situation(goals, num_complete=num_complete, front=numbers, front_ends=ends)
    return replace(situation, **fields)  # type: ignore[arg-type]


def evaluated(*evaluated: tuple[int, list[float]], selection: str | None = None) -> Situation:
    """Return the situation of three trials after an evaluation."""
    configurations = tuple(
        EvaluatedConfiguration(number, {}, "test_accuracy", values, list(range(len(values))))
        for number, values in evaluated
    )
    return of(0.97, 0.95, 0.90, evaluated=configurations, evaluated_selection=selection)


SITUATIONS: dict[str, tuple[Situation, list[str]]] = {
    "no trials": (of(), ["No trial is complete yet."]),
    "trials run": (of(num_trials=4), ["No trial is complete yet."]),
    "some failed": (of(num_trials=4, num_failed=2, cause="error"), ["No trial is complete yet."]),
    "all failed": (
        of(num_trials=4, num_failed=4, cause="out_of_memory"),
        ["All trials failed. The most frequent cause is: out of memory."],
    ),
    "all infeasible": (
        of(goals=LIMITED, num_trials=4, num_infeasible=4),
        ["No complete trial satisfies the constraints: peak memory GB at most 16."],
    ),
    "one trial": (
        of(0.9),
        [
            "Only trial 0 is complete, with the validation accuracy 90.00 %, so there is nothing to "
            "compare it "
            "with yet.",
            "More trials may help: only one is complete.",
        ],
    ),
    "two trials": (
        of(0.9, 0.8, num_since_improvement=0),
        [
            "Trial 0 has the best validation accuracy, 90.00 %: 10.00 points better than the next best, "
            "trial 1.",
            ONCE,
            "More trials may help: the last of 2 complete trials improved the result.",
        ],
    ),
    "no noise known": (
        of(0.97, 0.95, 0.90),
        [
            "Trial 0 has the best validation accuracy, 97.00 %: 2.00 points better than the next best, "
            "trial 1, "
            "and 2.00 points better than the median of 3 configurations.",
            ONCE,
            GROWS,
        ],
    ),
    "a loss": (
        of(0.25, 0.5, goals=LOSS, num_since_improvement=0),
        [
            "Trial 0 has the best validation loss, 0.25: 0.25 better than the next best, trial 1.",
            ONCE,
            "More trials may help: the last of 2 complete trials improved the result.",
        ],
    ),
    "percentages": (
        of(97.0, 95.0, num_since_improvement=0),
        [
            "Trial 0 has the best validation accuracy, 97: 2 better than the next best, trial 1.",
            ONCE,
            "More trials may help: the last of 2 complete trials improved the result.",
        ],
    ),
    "a tie": (
        of(0.97, 0.97, 0.90),
        [
            "Trials 0 and 1 are tied for the best validation accuracy, 97.00 %.",
            "Each configuration was measured once; this does not show which of them is better.",
            GROWS,
        ],
    ),
    "a tie of many": (
        of(*[0.97] * 7, 0.90),
        [
            "Trials 0, 1, 2, 3, 4 and 2 more are tied for the best validation accuracy, 97.00 %.",
            "Each configuration was measured once; this does not show which of them is better.",
            "More trials are unlikely to help: none of the last 7 of 8 complete trials improved the result.",
        ],
    ),
    "a tie to the shown digits": (
        of(0.12345678, 0.12345679, 0.2, goals=LOSS),
        [
            "Trials 0 and 1 are tied for the best validation loss, 0.1235.",
            "Each configuration was measured once; this does not show which of them is better.",
            GROWS,
        ],
    ),
    "all tied": (
        of(0.97, 0.97, 0.97),
        [
            "All 3 configurations are tied with the validation accuracy 97.00 %.",
            "Each configuration was measured once; this does not show which of them is better.",
            GROWS,
        ],
    ),
    "noise of epochs above the lead": (
        of(0.97, 0.965, 0.90, epoch_noise=0.01),
        [
            "Trial 0 has the best validation accuracy, 97.00 %: 0.50 points better than the next best, "
            "trial 1, "
            "and 0.50 points better than the median of 3 configurations.",
            "The validation accuracy of the best trials varies by 1.00 points from epoch to epoch, so "
            "differences of up to 2.83 points may be chance: the best 2 configurations cannot be "
            "distinguished.",
            GROWS,
        ],
    ),
    "noise of epochs above all differences": (
        of(0.97, 0.965, 0.96, epoch_noise=0.01),
        [
            "Trial 0 has the best validation accuracy, 97.00 %: 0.50 points better than the next best, "
            "trial 1, "
            "and 0.50 points better than the median of 3 configurations.",
            "The validation accuracy of the best trials varies by 1.00 points from epoch to epoch, so "
            "differences of up to 2.83 points may be chance: the 3 configurations cannot be distinguished.",
            GROWS,
        ],
    ),
    "noise of epochs below the lead": (
        of(0.97, 0.95, 0.90, epoch_noise=0.001),
        [
            "Trial 0 wins with the validation accuracy 97.00 %: 2.00 points better than the next best, "
            "trial 1, "
            "and 2.00 points better than the median of 3 configurations.",
            "The validation accuracy of the best trials varies by 0.10 points from epoch to epoch, so "
            "differences of up to 0.28 points may be chance; the lead is larger; how much seeds differ "
            "is not "
            "known.",
            GROWS,
        ],
    ),
    "noise of seeds below the lead": (
        of(0.97, 0.95, 0.90, seed_noise=SeedNoise(0.005, 6)),
        [
            "Trial 0 wins with the validation accuracy 97.00 %: 2.00 points better than the next best, "
            "trial 1, "
            "and 2.00 points better than the median of 3 configurations.",
            "The validation accuracy varies by 0.50 points between seeds, the standard deviation of 6 "
            "trials of "
            "repeated configurations, so differences of up to 1.41 points may be chance; the lead is larger.",
            GROWS,
        ],
    ),
    "the larger noise counts": (
        of(0.97, 0.95, 0.90, epoch_noise=0.001, seed_noise=SeedNoise(0.01, 6)),
        [
            "Trial 0 has the best validation accuracy, 97.00 %: 2.00 points better than the next best, "
            "trial 1, "
            "and 2.00 points better than the median of 3 configurations.",
            "The validation accuracy varies by 1.00 points between seeds, the standard deviation of 6 "
            "trials of "
            "repeated configurations, so differences of up to 2.83 points may be chance: the best 2 "
            "configurations cannot be distinguished.",
            GROWS,
        ],
    ),
    "one configuration with several seeds": (
        of(0.97, num_complete=4, num_since_improvement=3),
        [
            "All 4 complete trials have the same configuration, at best 97.00 %.",
            "More trials may help: only 3 of 4 complete trials came after the last that improved the result.",
        ],
    ),
    "150 validation samples, one sample apart": (
        of(146 / 150, 145 / 150, 0.80, validation_size=150),
        [
            "Trial 0 has the best validation accuracy, 97.33 %: 0.67 points better than the next best, "
            "trial 1, "
            "and 0.67 points better than the median of 3 configurations.",
            "One of the 150 validation samples is worth 0.67 points, and the binomial standard error is 1.32 "
            "points, so differences of up to 3.94 points may be chance: the best 2 configurations cannot be "
            "distinguished.",
            GROWS,
        ],
    ),
    "150 validation samples, all correct": (
        of(1.0, 148 / 150, 0.80, validation_size=150),
        [
            "Trial 0 has the best validation accuracy, 100.00 %: 1.33 points better than the next best, "
            "trial 1, "
            "and 1.33 points better than the median of 3 configurations.",
            "One of the 150 validation samples is worth 0.67 points, and the binomial standard error is 0.66 "
            "points, so differences of up to 2.30 points may be chance: the best 2 configurations cannot be "
            "distinguished.",
            GROWS,
        ],
    ),
    "10,000 validation samples": (
        of(0.97, 0.95, 0.90, validation_size=10_000),
        [
            "Trial 0 wins with the validation accuracy 97.00 %: 2.00 points better than the next best, "
            "trial 1, "
            "and 2.00 points better than the median of 3 configurations.",
            "One of the 10,000 validation samples is worth 0.01 points, and the binomial standard error "
            "is 0.17 "
            "points, so differences of up to 0.55 points may be chance; the lead is larger; how much seeds "
            "differ is not known.",
            GROWS,
        ],
    ),
    "a validation size without proportions": (
        of(97.0, 95.0, validation_size=150, num_since_improvement=0),
        [
            "Trial 0 has the best validation accuracy, 97: 2 better than the next best, trial 1.",
            ONCE,
            "More trials may help: the last of 2 complete trials improved the result.",
        ],
    ),
    "a tie with noise known": (
        of(0.97, 0.97, 0.90, epoch_noise=0.001),
        ["Trials 0 and 1 are tied for the best validation accuracy, 97.00 %.", GROWS],
    ),
    "a Pareto front": (
        front(3, 5, num_complete=8),
        [
            "2 of 8 complete trials are on the Pareto front: no other trial is better in one objective "
            "and at "
            "least as good in the others.",
            "The best validation accuracy is 95.00 %, of trial 3.",
            "The best train seconds is 12, of trial 5.",
            ONCE,
            "More trials may help: the last of 8 complete trials extended the Pareto front.",
        ],
    ),
    "a Pareto front within constraints that has stopped growing": (
        front(
            3, num_complete=8, goals=TWO._replace(constraints=LIMITED.constraints), num_since_improvement=5
        ),
        [
            "1 of 8 complete trials within the constraints is on the Pareto front: no other trial is "
            "better in "
            "one objective and at least as good in the others.",
            "The best validation accuracy is 95.00 %, of trial 3.",
            "The best train seconds is 12, of trial 3.",
            ONCE,
            "More trials are unlikely to help: none of the last 5 of 8 complete trials extended the "
            "Pareto front.",
        ],
    ),
    "a Pareto front of the only trial": (
        front(0, num_complete=1),
        [
            "Only trial 0 is complete, so there is nothing to compare it with yet.",
            "More trials may help: only one is complete.",
        ],
    ),
}
SEARCH = headline(of(0.97, 0.95, 0.90))
EVALUATIONS: dict[str, tuple[Situation, list[str]]] = {
    "no result yet": (evaluated(), ["No evaluation is complete yet."]),
    "one seed": (
        evaluated((0, [0.96])),
        [
            "On test data, trial 0 has the test accuracy 96.00 % (1 seed).",
            "One seed does not show how much results differ between seeds; evaluate more with --seeds 3.",
        ],
    ),
    "one configuration": (
        evaluated((0, [0.96, 0.95, 0.97])),
        [
            "On test data, trial 0 has the test accuracy 96.00 % ± 2.48 % (3 seeds).",
            "± is the 95% confidence interval of the mean over seeds.",
        ],
    ),
    "no difference": (
        evaluated((0, [0.96, 0.95, 0.97]), (1, [0.955, 0.965, 0.96])),
        [
            "On test data, trial 0 has the test accuracy 96.00 % ± 2.48 % (3 seeds).",
            "Trial 0, the best on validation data, and trial 1 differ by 0.00 % ± 2.08 %, which is "
            "within the "
            "variation between seeds; neither is shown to be better.",
        ],
    ),
    "ahead": (
        evaluated((0, [0.96, 0.961, 0.962]), (1, [0.90, 0.901, 0.902])),
        [
            "On test data, trial 0 has the test accuracy 96.10 % ± 0.25 % (3 seeds).",
            "Trial 0, the best on validation data, is ahead of trial 1 by 6.00 % ± 0.23 %, which is more "
            "than "
            "the variation between seeds (95% confidence).",
        ],
    ),
    "behind": (
        evaluated((0, [0.90, 0.901, 0.902]), (1, [0.96, 0.961, 0.962])),
        [
            "On test data, trial 0 has the test accuracy 90.10 % ± 0.25 % (3 seeds).",
            "Trial 0, the best on validation data, is behind trial 1 by 6.00 % ± 0.23 %, which is more than "
            "the variation between seeds (95% confidence).",
        ],
    ),
    "with a probability": (
        evaluated((0, [0.96, 0.95, 0.97]), selection="trial 0 is the best with a probability of 97 %"),
        [
            "On test data, trial 0 has the test accuracy 96.00 % ± 2.48 % (3 seeds).",
            "± is the 95% confidence interval of the mean over seeds.",
            "Trial 0 is the best with a probability of 97 %.",
        ],
    ),
}


def shown(situation: Situation) -> list[str]:
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in headline(situation)]


@pytest.mark.parametrize("name", SITUATIONS)
def test_headline_of_each_situation(name: str) -> None:
    situation, sentences = SITUATIONS[name]
    assert shown(situation) == sentences


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluation_precedes_the_search(name: str) -> None:
    situation, sentences = EVALUATIONS[name]
    assert shown(situation) == sentences + [each.replace("\N{NO-BREAK SPACE}", " ") for each in SEARCH]


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_winner_is_named_without_noise(name: str) -> None:
    situation, _ = SITUATIONS[name]
    is_known = (situation.epoch_noise, situation.seed_noise, situation.validation_size) != (None,) * 3
    assert is_known or " wins " not in " ".join(headline(situation))


@pytest.fixture
def engine(tmp_path: object) -> Engine:
    return connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))


NOISY = {epoch: 0.5 + 0.01 * (-1) ** epoch for epoch in range(1, 13)}
X = FloatDistribution(0.0, 1.0)
DEFINITION = {"train": "m:f", "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}}}
OBJECTIVES = [{"metric": "score", "direction": "maximize"}, {"metric": "size", "direction": "minimize"}]


def add_all(study: RecordedStudy, *trials: tuple[float, object]) -> None:
    for x, value in trials:
        study.add(COMPLETE, value=value, params={"x": (x, X)}, epochs=NOISY)  # type: ignore[arg-type]
    study.add(PRUNED, epochs={1: 0.4})
    study.add(FAILED)


def add_ranked(engine: Engine) -> None:
    study = RecordedStudy(engine, **DEFINITION, validation_size=150)
    add_all(study, (0.1, 0.5), (0.2, 0.75), (0.3, 0.6))
    study.add({**COMPLETE, "notes": {"repeats_trial": 1}}, value=0.75, params={"x": (0.2, X)})


def add_repeated(engine: Engine) -> None:
    study = RecordedStudy(engine, **DEFINITION, repeats="train")
    add_all(study, (0.1, 0.5), (0.2, 0.75), (0.1, 0.6), (0.2, 0.7), (0.2, 0.72))


def add_front(engine: Engine) -> None:
    study = RecordedStudy(engine, **DEFINITION, metric=None, direction=None, objectives=OBJECTIVES)
    add_all(
        study, (0.1, [0.5, 2.0]), (0.2, [0.4, 3.0]), (0.3, [0.3, 1.0]), (0.3, [0.3, 1.0]), (0.4, [0.1, 4.0])
    )


def add_constrained(engine: Engine) -> None:
    limit = {"metric": "score", "at_most": None, "at_least": 0.55}
    study = RecordedStudy(engine, **DEFINITION, constraints=[limit])
    study.add(COMPLETE, value=0.5, violations=[0.05], params={"x": (0.5, X)})
    study.add(COMPLETE, value=0.6, violations=[-0.05], params={"x": (0.6, X)})


def add_failed(engine: Engine) -> None:
    study = RecordedStudy(engine, **DEFINITION)
    study.add(FAILED)
    study.add({**FAILED, "cause": "out_of_memory"})
    study.add(FAILED)


@pytest.mark.parametrize("add", [add_ranked, add_repeated, add_front, add_constrained, add_failed])
def test_reports_and_commands_see_the_same_situation(engine: Engine, add: Callable[[Engine], None]) -> None:
    add(engine)
    recorded = recorded_situation(engine, get_study(engine, "toy"))
    assert recorded == situation_of(study_data("toy", engine.url))
    assert recorded.num_trials >= 2
    assert (recorded.epoch_noise is not None) == (add in (add_ranked, add_repeated))
    assert (recorded.seed_noise is not None) == (add is add_repeated)


def test_results_of_repeats_and_of_seeds_count_once(engine: Engine) -> None:
    add_ranked(engine)
    situation = recorded_situation(engine, get_study(engine, "toy"))
    assert [result.number for result in situation.results] == [1, 2, 0]
    assert situation.num_since_improvement == 1


def test_evaluation_of_a_recorded_study_leads_its_headline(engine: Engine) -> None:
    add_ranked(engine)
    tested = RecordedStudy(engine, "toy-evaluation", **{**DEFINITION, "metric": "test"})
    tested.add(COMPLETE, value=0.7, params={"x": (0.2, X)})
    first = headline(recorded_situation(engine, get_study(engine, "toy")))[0]
    assert first == "On test data, trial 1 has the test 0.7 (1 seed)."
