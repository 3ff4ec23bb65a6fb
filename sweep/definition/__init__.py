"""What a user may ask for: study files, search spaces, cluster profiles."""
