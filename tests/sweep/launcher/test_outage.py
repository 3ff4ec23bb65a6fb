import errno
import logging

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError

from sweep.launcher.outage import retry_on_outage


def gone() -> OperationalError:
    return OperationalError("SELECT secret", {"password": "secret"}, Exception("server closed\nmore"))


def wrapped() -> StorageInternalError:
    try:
        try:
            raise gone()
        except OperationalError as cause:
            raise StorageInternalError("An exception is raised during the commit") from cause
    except StorageInternalError as error:
        return error


def test_pauses_grow_until_the_database_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers: list[object] = [gone(), wrapped(), *[gone() for _ in range(6)], 42]
    pauses: list[float] = []

    def action() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry_on_outage(action, sleep=pauses.append) == 42
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert caplog.messages[0] == "the database does not answer (server closed); trying again in 1 s"
    assert caplog.messages[1] == "the database does not answer (server closed); trying again in 2 s"
    assert caplog.messages[-1] == "the outage is over"
    assert "secret" not in caplog.text


def test_file_system_errors_are_retried(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[object] = [OSError(errno.ESTALE, "Stale file handle", "/scratch/result.json"), 42]

    def action() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry_on_outage(action, sleep=lambda _: None) == 42
    words = (
        "a file cannot be used ([Errno 116] Stale file handle: '/scratch/result.json'); trying again in 1 s"
    )
    assert caplog.messages == [words]


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        retry_on_outage(lambda: 1 // 0, sleep=lambda _: pytest.fail("waited"))
