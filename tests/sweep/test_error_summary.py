import pytest

from sweep.error_summary import MAX_LENGTH, error_summary


@pytest.mark.parametrize(
    ("error", "summary"),
    [
        (None, None),
        ("\n \n", None),
        ("Traceback (most recent call last):\n  File\n    code\nValueError: no\n", "ValueError: no"),
        (
            "Traceback (most recent call last):\n  File\n    code\nlib.CudaError: first\nsecond line\n",
            "lib.CudaError: first",
        ),
        (
            "Traceback (most recent call last):\n  File\nKeyError: 1\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n  File\nOSError: 2",
            "OSError: 2",
        ),
        ("the last lines of the log:\nepoch 1\nended by signal SIGSEGV", "ended by signal SIGSEGV"),
        ("\x1b[31mred\x1b[0m\ttext\x07", "red text"),
        ("ValueError: postgresql://me:hunter2@db", "ValueError: postgresql://me:***@db"),
        ("x" * 1000, "x" * MAX_LENGTH + "…"),
    ],
)
def test_summary_is_the_line_that_says_most(error: str | None, summary: str | None) -> None:
    assert error_summary(error) == summary
