"""The result of one check that `sweep doctor` makes before a launch."""

from typing import NamedTuple

from sweep.states import Verdict


class Diagnosis(NamedTuple):
    """The result of one check.

    Attributes:
        what: What was checked, in one or two words.
        verdict: Whether trials can run.
        found: What the check found.
        advice: What to do about it; empty if nothing is wrong.
    """

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(what: str, found: str) -> Diagnosis:
    """Return a diagnosis that nothing is wrong."""
    return Diagnosis(what, Verdict.OK, found)


def warning(what: str, found: str, advice: str) -> Diagnosis:
    """Return a diagnosis that trials can run, but less well than they could."""
    return Diagnosis(what, Verdict.WARNING, found, advice)


def failed(what: str, found: str, advice: str) -> Diagnosis:
    """Return a diagnosis that trials cannot run."""
    return Diagnosis(what, Verdict.FAILED, found, advice)
