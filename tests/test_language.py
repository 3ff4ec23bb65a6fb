"""The repository uses standard terms: the private vocabulary of earlier versions must not return."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# This file, and files with names and values that databases and folders of earlier versions contain.
EXCLUDED = (
    "tests/test_language.py",
    "sweep/storage/migrations/versions/",
    "sweep/worker/documents.py",
    "tests/sweep/launcher/folder_contents.py",
    "tests/sweep/storage/contract.py",
    "tests/sweep/storage/test_tables.py",
    "tests/sweep/storage/version_0003/",
)

# A regular expression for each replaced term, and the term to use.
REPLACED = {
    r"[Ss]igns? of life": "heartbeat",
    r"[Aa] person\b": "a user",
    r"[Hh]opeless": "should be pruned",
    r"with_patience": "retry_on_outage",
    r"\b[Mm]istake": "problem",
    r"(?<!Connection )\b[Rr]efus(e|al(?![_ ][Pp]atience))": "reject, problem",
    r"[Ee]xhibit": "dashboard artifacts",
    r"\b[Ss]tanding\b": "published baselines",
    r"[Ss]tarting[ _-]work": "baseline",
    r"\bwording\b": "formatting",
    r"silence_over": "grace_expired",
    r"\bDemand\b|demand_after": "ResourceOverride",
    r"\bStreak\b|\bstreak\b": "consecutive failures",
    r"is_charged|uncharged": "is_cost_final",
    r"chief[ _]metrics": "headline metrics",
    r"\bwobble": "epoch-to-epoch noise",
    r"convolution by product|cut by product": "im2col",
    r"\bDesk\b": "launcher harness",
    r"\b[Ss]tand[-_ ]?ins?\b": "fake executor",
    r"(?i)assassin": "kill script",
    r"\b[Mm]ishap": "fault",
    r"\b[Cc]ompleted\b(?! yet)": "complete",
    r"\b(first|next|each|last|launcher's) (turn|look|pass)\b": "poll cycle",
    r"\btried again\b": "retried",
    r"\bbroken off\b": "interrupted",
}


def text_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name and not name.startswith(EXCLUDED)]
    return [ROOT / name for name in names if not name.endswith((".h5", ".npz", ".png"))]


@pytest.mark.parametrize(("pattern", "term"), REPLACED.items())
def test_replaced_term_does_not_occur(pattern: str, term: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in text_files()
        if file.exists()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == [], f"write {term!r} instead"
