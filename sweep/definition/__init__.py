"""What a user specifies: studies, search spaces and cluster profiles."""
