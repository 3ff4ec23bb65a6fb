"""Reading a study back: figures, the report page, exports, the dashboard."""
