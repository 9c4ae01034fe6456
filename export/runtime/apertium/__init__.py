"""The offline translator: Apertium's programs as persistent pipelines, one a direction.

Knows text and processes; knows nothing of Triton or of calls.
"""
