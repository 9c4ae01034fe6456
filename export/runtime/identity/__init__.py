"""Who is speaking, as a vector: ECAPA-TDNN and CAM++ on onnxruntime, from int16 samples to 256 numbers of length 1.

`opened(folder)` gives the encoder whose weights are in a folder; it needs no server.
"""
