"""The launcher: observe every open attempt, decide what it needs, and do it."""
