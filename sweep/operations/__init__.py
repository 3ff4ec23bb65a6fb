"""What users request besides a launch: stop, retry, evaluate, reproduce, doctor, logs."""
