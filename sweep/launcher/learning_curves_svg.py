"""The learning curves of one trial as an SVG picture, which needs no plotting library."""

import math
from collections.abc import Sequence
from html import escape

from sweep.worker.documents import EpochReport

WIDTH, HEIGHT = 360, 240  # pixels of one plot
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 30, 28  # pixels of its margins
COLORS = ("#2f7fc1", "#d9730d", "#2f8f5b", "#b8519a")
SPLITS = ("train_", "val_")
MAX_PLOTS = 4


def learning_curves_svg(reports: Sequence[EpochReport]) -> str:
    """Return an SVG picture with one plot for each metric, which shows training and validation together.

    A value that is not finite leaves a gap. At most four metrics are drawn.
    """
    plotted_together: dict[str, list[str]] = {}
    for metric in dict.fromkeys(name for report in reports for name in report.metrics):
        plotted_together.setdefault(_base_metric(metric), []).append(metric)
    drawn = list(plotted_together.values())[:MAX_PLOTS]
    plots = [_plot(index, metrics, reports) for index, metrics in enumerate(drawn)]
    width = WIDTH * max(len(plots), 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="11">'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
        f"{''.join(plots)}</svg>"
    )


def _base_metric(metric: str) -> str:
    """Return "accuracy" for train_accuracy and val_accuracy, which share a plot."""
    return next((metric.removeprefix(split) for split in SPLITS if metric.startswith(split)), metric)


def _plot(index: int, metrics: Sequence[str], reports: Sequence[EpochReport]) -> str:
    points = {
        metric: [(report.epoch, report.metrics.get(metric, math.nan)) for report in reports]
        for metric in metrics
    }
    finite = [value for line in points.values() for _, value in line if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    first, last = reports[0].epoch, reports[-1].epoch
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def place(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - first) / (last - first) if last > first else 0.5
        up = (value - low) / (high - low) if high > low else 0.5
        return left + across * (right - left), bottom - up * (bottom - top)

    parts = [f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#868c94"/>']
    for value, y in ((low, bottom), (high, top)):
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>')
    for epoch, x, anchor in ((first, left, "start"), (last, right, "end")):
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">epoch {epoch}</text>')
    for place_in_legend, (metric, line) in enumerate(points.items()):
        color = COLORS[place_in_legend % len(COLORS)]
        path = _path([place(*point) for point in line])
        parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        legend_x = left + place_in_legend * (right - left) / max(len(points), 1)
        parts.append(f'<text x="{legend_x:.0f}" y="18" fill="{color}">{escape(metric)}</text>')
    return f'<g transform="translate({index * WIDTH} 0)">{"".join(parts)}</g>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return a path through points, interrupted where a value is not finite; a single point is a dot."""
    commands, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            commands.append(f"{pen}{x:.1f} {y:.1f}" + ("h0.1" if pen == "M" else ""))
            pen = "L"
        else:
            pen = "M"
    return "".join(commands)
