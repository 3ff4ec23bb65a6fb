"""The report pages: HTML files that need no network."""
