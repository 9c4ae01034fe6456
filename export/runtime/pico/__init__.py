"""The offline voice: SVOX Pico, fed sentence by sentence and streamed.

Knows text and sound; knows nothing of Triton or of calls.
"""
