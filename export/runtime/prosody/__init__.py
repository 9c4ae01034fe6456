"""How somebody speaks, as a vector: rate, pitch, range and the like, from int16 samples to 64 numbers of length 1.

Prosody, never emotion. `Encoder(folder)` encodes clips; it needs no server.
"""
