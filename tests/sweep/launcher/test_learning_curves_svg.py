import math
import xml.etree.ElementTree as ElementTree

import pytest

from sweep.launcher.learning_curves_svg import HEIGHT, WIDTH, learning_curves_svg
from sweep.worker.documents import EpochReport

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*epochs: dict[str, float]) -> ElementTree.Element:
    return ElementTree.fromstring(
        learning_curves_svg(
            [EpochReport(epoch, 0.0, metrics) for epoch, metrics in enumerate(epochs, start=1)]
        )
    )


def lines(svg: ElementTree.Element) -> list[str]:
    return [path.attrib["d"] for path in svg.iter(f"{SVG}path") if path.get("stroke-width")]


def test_training_and_validation_share_a_plot() -> None:
    svg = drawn(*[{"train_loss": 0.5, "val_loss": 0.6, "val_accuracy": 0.9}] * 2)
    assert len(svg.findall(f"{SVG}g")) == 2
    assert (svg.attrib["width"], svg.attrib["height"]) == (str(2 * WIDTH), str(HEIGHT))
    assert len(lines(svg)) == 3


def test_line_spans_the_plot_from_the_lowest_to_the_highest_value() -> None:
    (line,) = lines(drawn({"score": 1.0}, {"score": 3.0}))
    assert line == "M52.0 212.0h0.1L348.0 30.0"


def test_value_that_is_not_finite_interrupts_the_line() -> None:
    (line,) = lines(drawn({"score": 1.0}, {"score": math.nan}, {"score": 2.0}, {"score": math.inf}))
    assert line.count("M") == 2
    assert "nan" not in line


@pytest.mark.parametrize("epochs", [[{"score": math.nan}], [{"score": 0.5}], [{}], []])
def test_any_reports_give_a_valid_picture(epochs: list[dict[str, float]]) -> None:
    assert drawn(*epochs).tag == f"{SVG}svg"


def test_names_of_metrics_are_escaped() -> None:
    texts = [text.text for text in drawn({"<b>größe&": 0.5}).iter(f"{SVG}text")]
    assert "<b>größe&" in texts
