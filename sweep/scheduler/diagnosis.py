"""One thing that was looked at before a launch, and what to do about it."""

from typing import NamedTuple

from sweep.states import Verdict


class Check(NamedTuple):
    what: str
    verdict: Verdict
    found: str
    advice: str = ""  # what to do


def ok(what: str, found: str) -> Check:
    return Check(what, Verdict.OK, found)


def warning(what: str, found: str, advice: str) -> Check:
    return Check(what, Verdict.WARNING, found, advice)


def failed(what: str, found: str, advice: str) -> Check:
    return Check(what, Verdict.FAILED, found, advice)
