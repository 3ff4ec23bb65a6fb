"""Running trials: submitting jobs, working on the node, reconciling, finishing."""
