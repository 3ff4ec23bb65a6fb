"""The tables in LaTeX, compiled by pdfLaTeX."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sweep.reporting.exports.latex import latex
from sweep.storage.study_data import StudyData
from tests.services import require_service
from tests.sweep.reporting import synthetic_studies as studies

PREAMBLE = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
PACKAGES = "texlive-latex-base texlive-latex-recommended"  # Debian packages


@pytest.mark.parametrize(
    "data",
    [studies.kmnist(), studies.several_objectives(), studies.hostile(r"_%&#{}~^\<>é–ü")],
    ids=["one objective", "several objectives", "hostile names"],
)
def test_tables_compile_and_fit_the_page(data: StudyData, tmp_path: Path) -> None:
    require_service("pdfLaTeX", shutil.which("pdflatex") is not None, PACKAGES)
    path = tmp_path / "tables.tex"
    path.write_text("\n".join([PREAMBLE, latex(data).decode(), r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert result.returncode == 0, result.stdout[-2000:]
    assert "too wide" not in result.stdout
