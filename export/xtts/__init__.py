"""XTTS v2 out of its checkpoint: read and checked, then written as files that onnxruntime runs."""
