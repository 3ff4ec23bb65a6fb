"""The sections of the report page that contain figures, each one named by the question it answers."""

from collections.abc import Iterator, Sequence
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
from sweep.reporting.figures.hypervolume import describe_hypervolume, draw_hypervolume, hypervolume_info
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
from sweep.reporting.figures.pareto import describe_pareto, draw_pareto, pareto_info
from sweep.reporting.figures.seeds import describe_seeds, draw_seeds, seeds_info
from sweep.reporting.figures.slices import describe_slice, draw_slice, slices_info
from sweep.reporting.figures.timeline import describe_timeline, draw_timeline, timeline_info
from sweep.reporting.formatting import format_count, heading
from sweep.reporting.seed_statistics import EvaluatedConfiguration
from sweep.storage.study_data import StudyData


class Plot(NamedTuple):
    """A figure.

    Attributes:
        name: The name of the figure's file, without a suffix.
        description: One sentence on what the figure shows, for readers who do not see it.
        figure: The figure itself.
    """

    name: str
    description: str
    figure: go.Figure

    @property
    def has_points(self) -> bool:
        """Whether the figure shows any data; otherwise the page contains only its description."""
        return any(trace.x is not None and len(trace.x) for trace in self.figure.data)


class Panel(NamedTuple):
    """Figures of one kind with an explanation.

    Attributes:
        heading: The heading of the panel; empty if it is the section's only panel.
        reading: How to read the figures.
        layout: The CSS class of the panel: "single", "pairs", "wide" or "small".
        plots: The figures.
        note: A remark below the figures; empty if there is none.
        missing: What the page says if there are no figures.
    """

    heading: str
    reading: str
    layout: str
    plots: list[Plot]
    note: str = ""
    missing: str = "There is nothing to show yet."


class Section(NamedTuple):
    """A question about the study and the panels that answer it.

    Attributes:
        question: The heading of the section.
        anchor: The id of the section, to which links point.
        panels: The panels of the section.
    """

    question: str
    anchor: str
    panels: list[Panel]


def sections(data: StudyData) -> Iterator[Section]:
    """Yield the sections of the report page that contain figures, in the order of the page.

    With several objectives, a figure that shows one objective is drawn for each of them.
    """
    views = [(view, importance_info(view)) for view in data.by_objective]
    convergence = [_of(view, data, _history(view)) for view, _ in views]
    if not data.goals.is_single:
        yield Section("Which trade-offs are possible?", "trade-offs", [_pareto(data)])
        convergence.insert(0, _hypervolume(data))
    yield Section("Did it converge?", "convergence", convergence)
    importance = [_of(view, data, _importance(info)) for view, info in views]
    yield Section("What mattered?", "importance", importance)
    interactions = [_parallel(data)]
    for view, info in views:
        interactions += [_of(view, data, _contour(view, info)), _of(view, data, _slices(view))]
    yield Section("How do the hyperparameters interact?", "interactions", interactions)
    yield Section("How did training go?", "training", [_curves(data), _overfitting(views[0][0])])
    yield Section("What did it cost?", "cost", [_timeline(data), _cost(data)])


def evaluation_section(evaluation: StudyData, configurations: Sequence[EvaluatedConfiguration]) -> Section:
    """Return the section on the results on test data.

    Args:
        evaluation: The study that `sweep evaluate` recorded.
        configurations: The evaluated configurations, the chosen one first.
    """
    panels = [_seeds(configurations)]
    if configurations:
        of_best = evaluation.attempts["number"].isin(configurations[0].numbers)
        is_complete = evaluation.attempts["state"] == "complete"
        confusion = confusion_info(evaluation.attempts[of_best & is_complete]["notes"])
        panels += [] if confusion is None else [_classes(confusion)]
    return Section("How good is it on test data?", "evaluation", panels)


def _of(view: StudyData, data: StudyData, panel: Panel) -> Panel:
    """Return a panel about one objective of a study, named after it if the study has several."""
    if view is data:
        return panel
    title = f"{panel.heading}: {heading(view.metric)}" if panel.heading else heading(view.metric).capitalize()
    plots = [plot._replace(name=f"{plot.name}_{view.metric}") for plot in panel.plots]
    return panel._replace(heading=title, plots=plots)


def _pareto(data: StudyData) -> Panel:
    reading = (
        "Each dot is a complete trial. No other trial is better than one on the Pareto front in one "
        "objective and at least as good in the others, so the choice among them depends on how much each "
        "objective is worth to you. Point at a dot to highlight its trial in every figure. Values that are "
        "far worse than the rest lie outside the axes; double-click to show them."
    )
    infos = pareto_info(data)
    plots = [
        Plot(f"pareto_{info.y.metric}_{info.x.metric}", describe_pareto(info), draw_pareto(info))
        for info in infos
    ]
    note = (
        "Each figure shows two of the objectives. A trial of the Pareto front may be worse than others in "
        "both, if it is better in another one."
    )
    return Panel("", reading, "single", plots, note if len(infos) > 1 else "")


def _hypervolume(data: StudyData) -> Panel:
    info = hypervolume_info(data)
    reading = (
        "The hypervolume is the part of the space of the objectives that the trials so far dominate: it "
        "grows with each trial that extends the Pareto front. The trials of the present front are orange. "
        "Once the line stays flat, more trials are unlikely to help."
    )
    plot = Plot("hypervolume", describe_hypervolume(info), draw_hypervolume(info))
    return Panel("Pareto front", reading, "single", [plot])


def _seeds(configurations: Sequence[EvaluatedConfiguration]) -> Panel:
    reading = (
        "Each grey dot is one seed of a configuration, trained on training and validation data and tested "
        "once. The diamond is the mean over the seeds with its 95 % confidence interval. If two intervals "
        "overlap widely, neither configuration is shown to be better."
    )
    info = seeds_info(configurations)
    return Panel(
        "", reading, "single", [Plot("seeds", describe_seeds(info, configurations), draw_seeds(info))]
    )


def _classes(info: ConfusionInfo) -> Panel:
    reading = (
        "These figures count the test images of the configuration that is best on validation data, over all "
        "of its seeds: the share of each class that it recognizes, and the classes that it predicts for the "
        "others. A strong square off the diagonal is a frequent confusion."
    )
    plots = [
        Plot("class_accuracy", describe_class_accuracy(info), draw_class_accuracy(info)),
        Plot("confusion", describe_confusion(info), draw_confusion(info)),
    ]
    return Panel("Results by class", reading, "pairs", plots)


def _history(data: StudyData) -> Panel:
    info = history_info(data)
    reading = (
        "Each dot is a complete trial, and the line is the best value so far. Once the line stays flat, more "
        "trials are unlikely to help. The ticks below are trials that were pruned, failed or violate a "
        "constraint. Values that are far worse than the rest lie outside the axes; double-click to show them."
    )
    return Panel("", reading, "single", [Plot("history", describe_history(info), draw_history(info))])


def _importance(info: ImportanceInfo) -> Panel:
    reading = (
        "Each bar shows how much a hyperparameter decides whether a trial is among the best tenth, as "
        f"estimated by {EVALUATOR}. The grey line is its 95 % bootstrap interval: if two lines overlap "
        "widely, the order of the bars is not certain. The importance refers to the ranges that were "
        "searched and does not say which values are better."
    )
    if any(info.conditions):
        reading += (
            " The bar of a hyperparameter with a condition is its share of the importance among the trials "
            "that have it."
        )
    plot = Plot("importance", describe_importance(info), draw_importance(info))
    return Panel("", reading, "single", [plot], info.caveat if info.params else "")


def _parallel(data: StudyData) -> Panel:
    info = parallel_info(data)
    reading = (
        "Each line is a complete trial and crosses every axis at its value. Where the orange lines run "
        "together, the best trials agree. Click a name in the legend to hide its lines."
    )
    plot = Plot("parallel_coordinates", describe_parallel(info), draw_parallel(info))
    return Panel("Combinations", reading, "wide", [plot])


def _contour(data: StudyData, importance: ImportanceInfo) -> Panel:
    reading = (
        f"The stronger the blue, the better the {heading(data.metric)} of the trials nearby. Areas without "
        "trials are blank. The best tenth of the trials is orange."
    )
    plots = [
        Plot("contour", describe_contour(info), draw_contour(info))
        for info in contour_info(data, importance.params)
    ]
    missing = f"This figure needs {MIN_TRIALS} complete trials and two hyperparameters that varied."
    return Panel("The two most important hyperparameters", reading, "single", plots, missing=missing)


def _slices(data: StudyData) -> Panel:
    reading = (
        f"Each dot is a complete trial, and its height is the {heading(data.metric)}. The best tenth is "
        "orange. Orange dots at the end of an axis suggest that the search range is too narrow."
    )
    plots = [
        Plot(f"slice_{info.param.name}", describe_slice(info), draw_slice(info)) for info in slices_info(data)
    ]
    return Panel("Individual hyperparameters", reading, "small", plots)


def _curves(data: StudyData) -> Panel:
    curves = curves_info(data)
    reading = (
        "Each line is a trial; the best is orange, and pruned trials are faint. Point at a line to highlight "
        "its trial in every figure, and click to keep the highlight. A line that still improves at its end "
        "suggests training for more epochs."
    )
    left_out = max((info.num_trials - len(info.curves) for info in curves), default=0)
    note = f"To keep the figures readable, they omit {format_count(left_out, 'trial')}." if left_out else ""
    plots = [Plot(f"curves_{info.metric}", describe_curves(info), draw_curves(info)) for info in curves]
    return Panel("Learning curves", reading, "pairs", plots, note)


def _overfitting(data: StudyData) -> Panel:
    reading = (
        "The gap between the lines is the part of the result that does not carry over to new data. If the "
        "gap widens while the validation result gets worse, the trial overfits; stop training earlier or "
        "regularize more."
    )
    plots = [
        Plot(f"overfitting_{info.validation}", describe_overfitting(info), draw_overfitting(info))
        for info in overfitting_info(data)
    ]
    missing = "This figure needs a complete trial that reported a metric on training and on validation data."
    return Panel("The best trial on training and validation data", reading, "pairs", plots, missing=missing)


def _timeline(data: StudyData) -> Panel:
    info = timeline_info(data)
    reading = (
        "Each bar is an attempt in the row of its node. Gaps between the bars are times in which the study "
        "did not use the node."
    )
    plots = [Plot("timeline", describe_timeline(info), draw_timeline(info))]
    return Panel("Jobs by node", reading, "single", plots)


def _cost(data: StudyData) -> Panel:
    info = cost_info(data)
    reading = (
        f"The bars add up the {info.unit} of all attempts by outcome. Hours of failed attempts are lost, "
        "except for the work that a retry continued from a checkpoint."
    )
    return Panel("Hours by outcome", reading, "single", [Plot("cost", describe_cost(info), draw_cost(info))])
