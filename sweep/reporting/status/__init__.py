"""The current status of studies, for terminals and scripts."""
