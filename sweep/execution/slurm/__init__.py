"""Slurm: jobs submitted and followed, its answers read, its limits looked at, the launcher as a job of it."""
