"""The offline recogniser: Whisper on CTranslate2 over a fixed ladder of encoder windows.

Knows 16 kHz sound and text; knows nothing of Triton or of calls.
"""
