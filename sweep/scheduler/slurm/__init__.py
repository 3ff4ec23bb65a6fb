"""Running trials as Slurm jobs."""
