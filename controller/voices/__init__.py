"""Whose voice a translation is spoken in. Knows files and tensors; knows no call."""
