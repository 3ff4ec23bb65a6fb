"""Benchmarks of the capsule network and of the orchestrator. Run one with `python -m benchmarks.NAME`."""
