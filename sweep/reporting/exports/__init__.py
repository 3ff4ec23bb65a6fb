"""Exports of a study as files for other tools."""
