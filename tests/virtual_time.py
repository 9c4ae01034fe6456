"""It has moved to controller/virtual_time.py."""

from controller.virtual_time import VirtualLoop, run

__all__ = ["VirtualLoop", "run"]
