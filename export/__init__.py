"""Turns what others publish (packages, checkpoints) into what Dragoman runs, and verifies it."""
