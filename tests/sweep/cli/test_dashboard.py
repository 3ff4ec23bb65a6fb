"""`sweep dashboard`: wrong input. The server is tested in tests/sweep/reporting/test_dashboard.py."""

from collections.abc import Callable, Sequence


def test_missing_database_is_rejected(check_rejected: Callable[[Sequence[str], str], None]) -> None:
    check_rejected(("dashboard", "--storage", "sqlite:///missing.db"), "there is no database")
