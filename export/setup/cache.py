"""Where everything that set-up gets lies: one cache folder, and the name of each thing in it.

Standard library only. Knows paths; fetches nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout this file belongs to."""


@dataclass(frozen=True)
class Cache:
    """The cache folder. Every property is a path below `root`; none of them need exist yet."""

    root: Path

    @classmethod
    def default(cls) -> Cache:
        """`$DRAGOMAN_CACHE` where it is set, else `.cache/` in the checkout."""
        named = os.environ.get("DRAGOMAN_CACHE")
        return cls(Path(named).expanduser().absolute() if named else REPOSITORY / ".cache")

    @property
    def asterisk(self) -> Path:
        """The program `asterisk`: a wrapper that runs the unpacked one on its own libraries."""
        return self.root / "asterisk" / "asterisk"

    @property
    def asterisk_root(self) -> Path:
        """The unpacked packages; modules lie in usr/lib/x86_64-linux-gnu/asterisk/modules."""
        return self.root / "asterisk" / "root"

    @property
    def baresip(self) -> Path:
        """The soft phone: a wrapper like `asterisk`."""
        return self.root / "phone" / "run" / "baresip"

    @property
    def phone_root(self) -> Path:
        """The unpacked soft phone; modules lie in usr/lib/baresip/modules."""
        return self.root / "phone" / "root"

    @property
    def sipp(self) -> Path:
        """Many phones in one process, for load tests: a wrapper like `asterisk`."""
        return self.root / "sipp" / "run" / "sipp"

    @property
    def prometheus(self) -> Path:
        """What gathers figures and judges them, for tests: a wrapper like `asterisk`."""
        return self.root / "prometheus" / "run" / "prometheus"

    @property
    def promtool(self) -> Path:
        """What checks its rules, and tries them on made-up figures."""
        return self.prometheus.with_name("promtool")

    @property
    def proot(self) -> Path:
        """In which a folder is a machine of its own, and its user root: a wrapper like `asterisk`."""
        return self.root / "proot" / "run" / "proot"

    @property
    def apertium_root(self) -> Path:
        """The unpacked Apertium; modes and data lie in usr/share/apertium."""
        return self.root / "apertium" / "root"

    @property
    def apertium_run(self) -> Path:
        """Wrappers for Apertium's programs (lt-proc, lrx-proc, ...): put it first on a child's PATH."""
        return self.root / "apertium" / "run"

    @property
    def prompts(self) -> Path:
        """Recorded human prompts with their texts, unpacked: usr/share/asterisk/sounds, usr/share/doc."""
        return self.root / "prompts"

    @property
    def libpython(self) -> Path:
        """The folder that holds libpython3.11.so.1.0, which Triton's Python stub is linked against."""
        return self.root / "python" / "usr" / "lib" / "x86_64-linux-gnu"

    @property
    def triton_home(self) -> Path:
        """Triton's own tree: bin/tritonserver, backends/, caches/."""
        return self.root / "triton" / "pytriton" / "tritonserver"

    @property
    def tritonserver(self) -> Path:
        return self.triton_home / "bin" / "tritonserver"

    def env(self, name: str) -> Path:
        """A Python environment: `controller` (any numpy), `triton` or `export` (numpy < 2), or a peer's."""
        return self.root / "env" / name

    def python(self, name: str) -> Path:
        return self.env(name) / "bin" / "python"

    @property
    def whisper(self) -> Path:
        """The CTranslate2 Whisper folder as assembled and verified by set-up."""
        return self.root / "weights" / "whisper-base"

    @property
    def silero(self) -> Path:
        return self.root / "weights" / "silero_vad.onnx"

    @property
    def campplus(self) -> Path:
        """The trained weights of CAM++, a torch checkpoint."""
        return self.root / "weights" / "campplus" / "campplus_cn_en_common.pt"

    @property
    def recordings(self) -> Path:
        """Recordings of people, unpacked: what the style network is trained on and benches of voices hear."""
        return self.root / "recordings"
