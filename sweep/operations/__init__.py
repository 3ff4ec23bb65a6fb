"""What users request: launch, stop, evaluate, reproduce, diagnose, read logs."""
