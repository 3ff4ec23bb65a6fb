"""What runs jobs: one protocol, implemented in this process, by local processes and by Slurm."""
