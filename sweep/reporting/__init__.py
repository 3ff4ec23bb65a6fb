"""Reports on recorded studies: figures, pages, exports, the status and the dashboard."""
