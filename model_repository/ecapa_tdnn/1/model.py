"""Triton's side of ECAPA-TDNN; the encoder is `export.runtime.identity`."""

from export.runtime.identity.serving import IdentityModel as TritonPythonModel

__all__ = ["TritonPythonModel"]
