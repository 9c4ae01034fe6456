"""Asterisk for Dragoman: getting it without root, and the configuration a run needs."""
