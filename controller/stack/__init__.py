"""Starts the real servers that a run on one machine needs: Triton, Asterisk, soft phones.

Knows processes, ports and folders; knows nothing of calls, languages or audio.
"""
