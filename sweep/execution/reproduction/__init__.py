"""A trial run again from its records, and compared."""
