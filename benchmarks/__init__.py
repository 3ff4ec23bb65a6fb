"""Benchmarks of the capsule network and of the orchestrator. Start one with `python -m benchmarks.NAME`."""
