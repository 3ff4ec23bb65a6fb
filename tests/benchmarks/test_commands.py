"""Tests of the commands that run benchmarks, in docstrings and in the documentation."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in ROOT.glob("benchmarks/*.py")
    if "__main__" in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmark_docstring_contains_its_command(name: str) -> None:
    assert f"python -m benchmarks.{name}" in (ast.get_docstring(ast.parse(BENCHMARKS[name])) or "")


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.stem)
def test_documentation_names_only_existing_benchmarks(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"python -m benchmarks\.(\w+)", text)) <= set(BENCHMARKS)
    assert "python benchmarks/" not in text
