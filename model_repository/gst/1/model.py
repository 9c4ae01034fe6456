"""Triton's side of the style network; the encoder is `export.runtime.prosody`."""

from export.runtime.prosody.serving import StyleModel as TritonPythonModel

__all__ = ["TritonPythonModel"]
