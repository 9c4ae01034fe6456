"""Locust's files: `shape` adds users by steps, `calls` and `triton` say what a user does."""
