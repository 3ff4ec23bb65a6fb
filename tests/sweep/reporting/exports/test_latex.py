import dataclasses
import re

import pytest

from sweep.reporting.exports.latex import latex, latex_text
from sweep.reporting.exports.tables import markdown
from tests.sweep.reporting import synthetic_studies as studies


def test_table_uses_booktabs_and_marks_the_best_value() -> None:
    lines = latex(studies.of_values([0.5, 0.9, 0.7])).decode().splitlines()
    assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    (best,) = [line for line in lines if r"\textbf" in line]
    assert best.startswith("1 & ")
    assert r"\textbf{90.00~\%}" in best


def test_equal_best_values_are_all_bold() -> None:
    data = studies.of_values([0.9, 0.5, 0.9])
    assert latex(data).decode().count(r"\textbf{90.00~\%}") == 2
    assert markdown(data).decode().count("| **90.00") == 2


def test_each_objective_has_its_own_best_value() -> None:
    text = latex(studies.several_objectives()).decode()
    assert text.count(r"\textbf{") == 2


def test_evaluation_has_intervals_and_the_best_mean_in_bold() -> None:
    data = studies.of_values([0.9, 0.8], {"batch_size": [32, 64]})
    tests = studies.evaluation([(32, 0.80), (32, 0.82), (64, 0.90), (64, 0.91)])
    data = dataclasses.replace(data, evaluation=tests)
    (row,) = re.findall(r"^1 & 64 .*", latex(data).decode(), re.MULTILINE)
    assert re.search(r"\\textbf\{90\.50~\\% \$\\pm\$ \d+\.\d+~\\%\}", row)
    assert re.search(r"^\| 1 \| 64 \| 2 \| \*\*90\.50.% ± ", markdown(data).decode(), re.MULTILINE)


@pytest.mark.parametrize("text", [r"\input{x}", "50 % & more", "a_b^c~d", "$x$", "#1", "line\nbreak"])
def test_hostile_text_is_balanced_and_starts_no_command(text: str) -> None:
    data = studies.of_values([0.5], {"name": [text]}, {})
    (row,) = [line for line in latex(data).decode().splitlines() if line.startswith(r"0 &")]
    bare = re.sub(r"\\textbackslash\{\}|\\text\w+|\\[%&_{}$#]|\$\\pm\$", "", row.removesuffix(r" \\"))
    assert not re.search(r"[\\%$#_^]", bare)
    assert bare.count("{") == bare.count("}")


def test_text_is_escaped() -> None:
    assert latex_text("100 % ± 5_x") == r"100 \% $\pm$ 5\_x"
