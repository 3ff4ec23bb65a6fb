"""How a study stands just now, asked of the database in a few aggregates: fast however long the study."""
