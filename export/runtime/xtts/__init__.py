"""XTTS v2 without torch: what turns a text and a voice into sound, with numpy and onnxruntime.

Parts of a server, and on their own: nothing here knows Triton, a queue, or where weights come from.
"""
