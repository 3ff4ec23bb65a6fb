"""Fixtures of the tests of trackers."""

from tests.sweep.cli.conftest import sweep as sweep
