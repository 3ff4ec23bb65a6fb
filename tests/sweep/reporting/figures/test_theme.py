"""Colours, axes and labels that all figures share."""

import numpy as np
import pytest

from sweep.reporting.figures import theme


@pytest.mark.parametrize("background", ["#ffffff", "#1b1f23"])
def test_every_colour_contrasts_with_light_and_dark_backgrounds(background: str) -> None:
    for color in theme.STATE_COLORS.values():
        light, dark = sorted([luminance(color), luminance(background)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, 1.4.11


def test_axis_excludes_outliers() -> None:
    low, high = theme.focus([0.1, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.958], "maximize")["range"]
    assert 0.94 < low < 0.95
    assert 0.97 < high < 0.98


def test_axis_shows_all_values_without_outliers_or_with_few_values() -> None:
    assert theme.focus([0.91, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.93], "maximize") == {}
    assert theme.focus([0.1, 0.95, 0.96], "maximize") == {}
    assert theme.focus([0.5] * 9, "maximize") == {}


def test_only_outliers_on_the_worse_side_are_excluded() -> None:
    values = [0.1, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.958]
    assert theme.focus(values, "minimize") == {}
    assert theme.focus([-value for value in values], "minimize")["range"][1] < -0.94


def test_html_in_names_is_escaped() -> None:
    assert theme.plain("<b>&</b>") == "&lt;b&gt;&amp;&lt;/b&gt;"


def test_ticks_of_a_log_axis_are_complete_numbers() -> None:
    assert theme.log_axis(0.02, 0.9)["ticktext"] == [
        "0.01",
        "0.02",
        "0.05",
        "0.1",
        "0.2",
        "0.5",
        "1",
        "2",
        "5",
    ]
    assert theme.log_axis(1e-5, 1)["ticktext"] == ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]


def luminance(color: str) -> float:
    """Return the relative luminance as WCAG defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_values_beyond_single_precision_are_not_drawn() -> None:
    trace = theme.one_trace([theme.Polyline(3, "best", [1.0, 2.0, 3.0], [1.0, 1e300, -1e300])])
    assert trace.y[:3].tolist() == [1.0, float("inf"), float("-inf")]
