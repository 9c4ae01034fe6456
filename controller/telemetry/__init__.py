"""Watching: figures, captions and reports, all as observers of the pipeline."""
