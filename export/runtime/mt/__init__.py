"""Neural translators on CTranslate2: OPUS-MT and NLLB, from the folder that a converter makes.

Knows text and tokens; knows nothing of Triton or of calls.
"""
