"""Components that are Debian packages, unpacked: soft phones, the translator, Prometheus, recorded prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asterisk import debian
from export.setup.errors import SetupError
from export.setup.kit import Kit

STABLE: Final = ("bookworm",)

_PHONE_PACKAGES: Final = """
    baresip-core libre0 librem0 libsndfile1 libflac12 libogg0 libvorbis0a libvorbisenc2 libopus0
    libmpg123-0 libmp3lame0 libspandsp2 libtiff6 libjpeg62-turbo libdeflate0 libjbig0 libwebp7
    libzstd1 liblerc4 libssl3 zlib1g liblzma5 libc6 libgcc-s1 libstdc++6
"""
PHONE_PACKAGES: Final = tuple(_PHONE_PACKAGES.split())
_PHONE_MODULES: Final = """
    g711 g722 aubridge aufile sndfile uuid account menu srtp dtls_srtp ctrl_tcp stdio cons auloop
"""
PHONE_MODULES: Final = tuple(_PHONE_MODULES.split())
_APERTIUM_PACKAGES: Final = """
    apertium apertium-eng-spa apertium-lex-tools lttoolbox libapertium3 liblttoolbox3
    libapertium-lex-tools1 libirstlm1 libxml2 libicu72 libpcre2-8-0 libc6 libgcc-s1 libstdc++6
    zlib1g liblzma5
"""
APERTIUM_PACKAGES: Final = tuple(_APERTIUM_PACKAGES.split())
_APERTIUM_PROGRAMS: Final = """
    lt-proc lrx-proc apertium-tagger apertium-pretransfer apertium-transfer apertium-interchunk
    apertium-postchunk
"""
APERTIUM_PROGRAMS: Final = tuple(_APERTIUM_PROGRAMS.split())
_SIPP_PACKAGES: Final = """
    sip-tester libgsl27 libgslcblas0 libncursesw6 libtinfo6 libpcap0.8 libdbus-1-3 libsystemd0 libcap2 libgcrypt20
    libgpg-error0 liblz4-1 liblzma5 libzstd1 libsctp1 libc6 libgcc-s1 libstdc++6
"""
SIPP_PACKAGES: Final = tuple(_SIPP_PACKAGES.split())
PROMPT_PACKAGES: Final = tuple(f"asterisk-core-sounds-{name}" for name in ("en", "en-wav", "es", "es-wav"))


@dataclass(frozen=True)
class DebianFolder:
    """A component that is Debian packages of one stable suite, unpacked."""

    packages: tuple[str, ...]
    minimum: tuple[str, str]
    """A package and the oldest version of it that will do."""

    checked: tuple[str, ...] = ()
    """Programs and modules whose libraries must all lie in the folder itself."""

    programs: tuple[str, ...] = ()
    """Programs in usr/bin that get a wrapper in `run`; the packages then lie in `root`."""

    def recipe(self) -> object:
        return [STABLE, self.packages, self.minimum, self.checked, self.programs]

    def build(self, name: str) -> Callable[[Kit, Path], str]:
        def build(kit: Kit, target: Path) -> str:
            archive, version = kit.archives.choose(self.minimum[0], STABLE, self.minimum[1])
            root = target / "root" if self.programs else target
            debian.unpack(archive.download(self.packages, kit.downloads(name)), root, kit.programs)
            lacks = debian.unresolved(root, [root / file for file in self.checked], kit.programs)
            if lacks:
                raise SetupError(f"the packages of {name} lack {', '.join(lacks)}")
            if self.programs:
                debian.write_wrappers(target / "run", self.programs)
            return version

        return build


PHONE: Final = DebianFolder(
    PHONE_PACKAGES,
    ("baresip-core", "1.0.0"),
    ("usr/bin/baresip", *(f"usr/lib/baresip/modules/{name}.so" for name in PHONE_MODULES)),
    ("baresip",),
)
SIPP: Final = DebianFolder(SIPP_PACKAGES, ("sip-tester", "3.6"), ("usr/bin/sipp",), ("sipp",))
PROMETHEUS: Final = DebianFolder(
    ("prometheus", "libc6"),
    ("prometheus", "2.42"),
    ("usr/bin/prometheus", "usr/bin/promtool"),
    ("prometheus", "promtool"),
)
"""Without its pages, whose scripts are packages of their own: nobody looks at it but by its API."""
PROOT: Final = DebianFolder(("proot", "libtalloc2", "libc6"), ("proot", "5.1"), ("usr/bin/proot",), ("proot",))
APERTIUM: Final = DebianFolder(
    APERTIUM_PACKAGES,
    ("apertium-eng-spa", "0.8.0"),
    tuple(f"usr/bin/{name}" for name in APERTIUM_PROGRAMS),
    APERTIUM_PROGRAMS,
)
PROMPTS: Final = DebianFolder(PROMPT_PACKAGES, ("asterisk-core-sounds-en", "1.6"))
