"""Trains the style network, in an environment of its own (`python3 -m export.setup env-training`): torch, pyworld, av.

Nothing of this is needed to run it.
"""
