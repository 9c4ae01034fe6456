"""Health and metrics over HTTP, in a process that is not the call's: rendering 5 000 samples takes four ticks."""
