"""The questions that the report page answers with figures, in its order."""

from collections.abc import Iterator
from typing import NamedTuple

import plotly.graph_objects as go

from sweep.reporting.figures.confusion import (
    ConfusionInfo,
    confusion_info,
    describe_class_accuracy,
    describe_confusion,
    draw_class_accuracy,
    draw_confusion,
)
from sweep.reporting.figures.contour import MIN_TRIALS, contour_info, describe_contour, draw_contour
from sweep.reporting.figures.cost import cost_info, describe_cost, draw_cost
from sweep.reporting.figures.history import describe_history, draw_history, history_info
from sweep.reporting.figures.importance import (
    EVALUATOR,
    ImportanceInfo,
    describe_importance,
    draw_importance,
    importance_info,
)
from sweep.reporting.figures.learning_curves import curves_info, describe_curves, draw_curves
from sweep.reporting.figures.overfitting import describe_overfitting, draw_overfitting, overfitting_info
from sweep.reporting.figures.parallel_coordinates import describe_parallel, draw_parallel, parallel_info
from sweep.reporting.figures.seeds import describe_seeds, draw_seeds, seeds_info
from sweep.reporting.figures.slices import describe_slice, draw_slice, slices_info
from sweep.reporting.figures.timeline import describe_timeline, draw_timeline, timeline_info
from sweep.reporting.formatting import heading, show_count
from sweep.reporting.seed_statistics import Evaluated
from sweep.storage.study_data import StudyData


class Plot(NamedTuple):
    """A figure, what it shows in words, and a name for its file."""

    name: str
    words: str
    figure: go.Figure

    @property
    def has_points(self) -> bool:
        """Whether there is anything to see; otherwise the words stand alone."""
        return any(trace.x is not None and len(trace.x) for trace in self.figure.data)


class Panel(NamedTuple):
    """One way to look at a question: how to read it, and the plots."""

    heading: str  # empty where it is the section's only one
    reading: str
    layout: str  # the style sheet's class for it: "single", "pairs", "wide" or "small"
    plots: list[Plot]
    note: str = ""
    missing: str = "Nothing to show yet."


class Section(NamedTuple):
    """A question asked of the study, and the panels that answer it."""

    question: str
    anchor: str
    panels: list[Panel]


def sections(data: StudyData) -> Iterator[Section]:
    """The questions that figures answer, in the order in which a reader has them."""
    importance = importance_info(data)
    yield Section("Did it converge?", "convergence", [_history(data)])
    yield Section("What mattered?", "importance", [_importance(importance)])
    interactions = [_parallel(data), _contour(data, importance), _slices(data)]
    yield Section("How do the parameters interact?", "interactions", interactions)
    yield Section("How did training go?", "training", [_curves(data), _overfitting(data)])
    yield Section("What did it cost?", "cost", [_timeline(data), _cost(data)])


def evaluation_section(evaluation: StudyData, configurations: list[Evaluated]) -> Section:
    """How the best configurations do on test data, and how sure that is."""
    panels = [_seeds(configurations)]
    if configurations:
        of_best = evaluation.attempts["number"].isin(configurations[0].numbers)
        completed = evaluation.attempts["state"] == "complete"
        confusion = confusion_info(evaluation.attempts[of_best & completed]["notes"])
        panels += [] if confusion is None else [_classes(confusion)]
    return Section("How good is it on test data?", "evaluation", panels)


def _seeds(configurations: list[Evaluated]) -> Panel:
    reading = (
        "Each grey dot is one seed of a configuration, retrained on training and validation data and tested "
        "once; the diamond is their mean with its 95 % confidence interval. Intervals that overlap much "
        "leave open which is better."
    )
    info = seeds_info(configurations)
    return Panel(
        "", reading, "single", [Plot("seeds", describe_seeds(info, configurations), draw_seeds(info))]
    )


def _classes(info: ConfusionInfo) -> Panel:
    reading = (
        "Test images by the best on validation data, all its seeds together: how many of each class it "
        "recognised, and what the others were taken for. A strong square off the diagonal is a class often "
        "mistaken."
    )
    plots = [
        Plot("class_accuracy", describe_class_accuracy(info), draw_class_accuracy(info)),
        Plot("confusion", describe_confusion(info), draw_confusion(info)),
    ]
    return Panel("Class by class", reading, "pairs", plots)


def _history(data: StudyData) -> Panel:
    info = history_info(data)
    reading = (
        "Each dot is a complete trial, the line the best value so far: once it stays flat, more trials are "
        "unlikely to help. The ticks below are trials that were pruned or failed. Dots far worse "
        "than the rest lie outside; double-click shows them."
    )
    return Panel("", reading, "single", [Plot("history", describe_history(info), draw_history(info))])


def _importance(info: ImportanceInfo) -> Panel:
    reading = (
        f"How much each parameter decides whether a trial is among the best tenth, estimated by {EVALUATOR}. "
        "It says what mattered within the ranges searched, not in which direction."
    )
    plot = Plot("importance", describe_importance(info), draw_importance(info))
    return Panel("", reading, "single", [plot], info.caveat if info.params else "")


def _parallel(data: StudyData) -> Panel:
    info = parallel_info(data)
    reading = (
        "Each line is a complete trial and crosses every axis at its value. Where orange lines bundle, good "
        "trials agree; click a name in the legend to hide its lines."
    )
    plot = Plot("parallel_coordinates", describe_parallel(info), draw_parallel(info))
    return Panel("Combinations", reading, "wide", [plot])


def _contour(data: StudyData, importance: ImportanceInfo) -> Panel:
    reading = (
        f"The stronger the blue, the better the {heading(data.metric)} of the trials around; blank where "
        "nothing was tried. The best tenth is orange."
    )
    plots = [
        Plot("contour", describe_contour(info), draw_contour(info))
        for info in contour_info(data, importance.params)
    ]
    missing = f"Needs {MIN_TRIALS} complete trials and two parameters that varied."
    return Panel("The two that matter most", reading, "single", plots, missing=missing)


def _slices(data: StudyData) -> Panel:
    reading = (
        f"Each dot is a complete trial, at the height of its {heading(data.metric)}; the best tenth is "
        "orange. Orange dots at an end of an axis say that the range may be too narrow."
    )
    plots = [
        Plot(f"slice_{info.param.name}", describe_slice(info), draw_slice(info)) for info in slices_info(data)
    ]
    return Panel("One by one", reading, "small", plots)


def _curves(data: StudyData) -> Panel:
    curves = curves_info(data)
    reading = (
        "Each line is a trial, the best in orange, pruned ones faint. Point at a line to follow its trial "
        "through every figure, click to keep it. A line that still improves at its end wanted more epochs."
    )
    left_out = max((info.num_trials - len(info.curves) for info in curves), default=0)
    note = f"{show_count(left_out, 'trial')} left out, evenly from best to worst." if left_out else ""
    plots = [Plot(f"curves_{info.metric}", describe_curves(info), draw_curves(info)) for info in curves]
    return Panel("Learning curves", reading, "pairs", plots, note)


def _overfitting(data: StudyData) -> Panel:
    reading = (
        "The gap between the lines is what the best trial knows of its training data only. A gap that "
        "widens while validation falls back means overfitting: stop earlier, or regularise more."
    )
    plots = [
        Plot(f"overfitting_{info.validation}", describe_overfitting(info), draw_overfitting(info))
        for info in overfitting_info(data)
    ]
    missing = "Needs a complete trial that reported a metric on training and on validation data."
    return Panel("The best trial, on training and validation data", reading, "pairs", plots, missing=missing)


def _timeline(data: StudyData) -> Panel:
    info = timeline_info(data)
    reading = "Each bar is a job, on the line of its node. Empty stretches are time that nobody used."
    plots = [Plot("timeline", describe_timeline(info), draw_timeline(info))]
    return Panel("Jobs by node", reading, "single", plots)


def _cost(data: StudyData) -> Panel:
    info = cost_info(data)
    reading = (
        f"{info.unit[:1].upper()}{info.unit[1:]} of every attempt by what came of it. Pruning saves what its "
        "trials did not use; failures are waste, but for what a retry took over from a checkpoint."
    )
    return Panel("Hours by outcome", reading, "single", [Plot("cost", describe_cost(info), draw_cost(info))])
