"""Which of the evaluated configurations is best, with its probability, as sentences and cells of a table."""

from collections.abc import Sequence

from sweep.operations.selection import INTERVAL, METHOD, NUM_DRAWS, Selection, select
from sweep.reporting.formatting import NONE, format_metric, heading
from sweep.reporting.seed_statistics import EvaluatedConfiguration

HEADINGS = ("probability of being best", f"behind the best by ({100 * INTERVAL:.0f} %)")
"""The headings of the columns that `selection_cells` fills."""


def selection_of(configurations: Sequence[EvaluatedConfiguration], direction: str) -> Selection | None:
    """Compare evaluated configurations; None if there are too few results."""
    return select([each.values for each in configurations], direction)


def describe_selection(
    configurations: Sequence[EvaluatedConfiguration], direction: str, with_leads: bool = True
) -> list[str]:
    """State which configuration is best, with which probability, by how much, and by which method.

    Args:
        configurations: The evaluated configurations.
        direction: The direction of the metric, "maximize" or "minimize".
        with_leads: Whether to state the difference of each configuration from the best one, which
            `selection_cells` contains too.

    Returns:
        Sentences without a final full stop; none if there are too few results.
    """
    selection = selection_of(configurations, direction)
    if selection is None:
        return []
    best = configurations[selection.best]
    num_trainings = sum(len(each.values) for each in configurations)
    sentences = [
        f"trial {best.trial} has the best {heading(best.metric)} of the {len(configurations)} configurations "
        f"with a probability of {_probability(selection.probability)}, judged by {num_trainings} trainings"
    ]
    if with_leads:
        sentences += [
            f"its lead over trial {each.trial} is {_interval(selection, index, each.metric)} "
            f"({100 * INTERVAL:.0f} % interval); trial {each.trial} is the best with a probability of "
            f"{_probability(selection.probabilities[index])}"
            for index, each in enumerate(configurations)
            if index != selection.best
        ]
    sentences.append(
        f"method: {METHOD}, {NUM_DRAWS:,} samples; the statements refer to further seeds with the same test "
        "data, and choosing a configuration by its test results makes its result slightly too good"
    )
    return sentences


def selection_cells(
    configurations: Sequence[EvaluatedConfiguration], direction: str
) -> list[list[str]] | None:
    """Return the cells of each configuration under `HEADINGS`; None if there are too few results."""
    selection = selection_of(configurations, direction)
    if selection is None:
        return None
    return [
        [
            _probability(selection.probabilities[index]),
            NONE if index == selection.best else _interval(selection, index, each.metric),
        ]
        for index, each in enumerate(configurations)
    ]


def _probability(probability: float) -> str:
    """Return a probability as text; the samples do not show that one is certain."""
    if probability > 0.999:
        return "more than 99.9 %"
    if probability < 0.001:
        return "less than 0.1 %"
    return f"{probability:.1%}".replace("%", " %")


def _interval(selection: Selection, index: int, metric: str) -> str:
    low, high = selection.leads[index]
    return f"{_signed(metric, low)} to {_signed(metric, high)}"


def _signed(metric: str, difference: float) -> str:
    """Return a difference of two values of a metric with its sign if it is negative."""
    text = format_metric(metric, abs(difference))
    return f"−{text}" if difference < 0 else text
