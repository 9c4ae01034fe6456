"""Which recordings of people are trained on, chosen by, and tested with: split by the package they come in.

Set down before anything was trained, and not changed for a figure. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Pack:
    """The recordings of one person, as far as a package tells."""

    package: str
    """Of Debian."""
    speaker: str
    """One name, one person, whatever the package."""
    files: str
    """A pattern below the folder that packages are unpacked in."""

    def paths(self, root: Path) -> list[Path]:
        """The recordings, in order.

        Raises:
            FileNotFoundError: there are none.
        """
        found = sorted(path for path in root.glob(self.files) if path.is_file())
        if not found:
            raise FileNotFoundError(f"{self.package} has no recordings of {self.speaker} ({self.files})")
        return found


def _klettres(language: str) -> Pack:
    """Letters and syllables."""
    return Pack("klettres-data", f"klettres {language}", f"usr/share/klettres/{language}/*/*.ogg")


def _ktuberling(language: str) -> Pack:
    """Words and short sentences."""
    return Pack("ktuberling-data", f"ktuberling {language}", f"usr/share/ktuberling/sounds/{language}/*.[ow][ga][gv]")


def _asterisk(package: str, speaker: str, folder: str, ending: str) -> Pack:
    """Sentences; what lies in folders of its own is letters and numbers."""
    return Pack(f"asterisk-{package}", speaker, f"usr/share/asterisk/sounds/{folder}/*.{ending}")


_MENARDI: Final = _asterisk("prompt-it-menardi-wav", "Menardi", "it_IT_f_Menardi", "wav")

_KLETTRES: Final = "ar cs de en en_GB es fr he hu lt ml nb nds pt_BR ru tn"
_KTUBERLING: Final = "ca de el en es fi fr ga gl lt nds pt ro ru sl sr sv wa"
_APART: Final = "da it nl uk"
"""Languages whose recordings, in either package, nothing is learned from: one person may have spoken in both."""

TRAINING: Final = (
    *map(_klettres, _KLETTRES.split()),
    *map(_ktuberling, _KTUBERLING.split()),
    _MENARDI,
    Pack("pocketsphinx-testdata", "LibriVox", "usr/share/pocketsphinx/test/data/librivox/*.wav"),
)
"""What the network learns from."""

VALIDATION: Final = (*map(_klettres, _APART.split()), *map(_ktuberling, _APART.split()))
"""What every choice is made by: which step of a training is kept, and whatever was tried before."""

TEST: Final = (
    _asterisk("core-sounds-en-g722", "Allison", "en_US_f_Allison", "g722"),
    _asterisk("core-sounds-es-g722", "Allison", "es_MX_f_Allison", "g722"),
    _asterisk("core-sounds-fr-g722", "June", "fr_CA_f_June", "g722"),
    _asterisk("core-sounds-it-g722", "Carlo", "it_IT_m_Carlo", "g722"),
    _asterisk("core-sounds-ru-g722", "IvrvoiceRU", "ru_RU_f_IvrvoiceRU", "g722"),
    _asterisk("prompt-es-co", "es-co", "es", "gsm"),
    _asterisk("prompt-fr-armelle", "Armelle", "fr", "gsm"),
)
"""What styles are tested with: packages that nothing was learned from or chosen by."""

PROFESSIONAL: Final = (*(pack for pack in TEST if pack.package != "asterisk-core-sounds-es-g722"), _MENARDI)
"""Seven speakers who do it for a living, for those who tell speakers apart; three of them recorded at 8 kHz."""

PACKAGES: Final = tuple(sorted({pack.package for pack in (*TRAINING, *VALIDATION, *TEST, *PROFESSIONAL)}))
