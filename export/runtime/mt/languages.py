"""What OPUS-MT and NLLB call languages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_NLLB: Final = (
    "af afr_Latn; am amh_Ethi; ar arb_Arab; az azj_Latn;"
    " be bel_Cyrl; bg bul_Cyrl; bn ben_Beng; bs bos_Latn; ca cat_Latn;"
    " cs ces_Latn; cy cym_Latn; da dan_Latn; de deu_Latn;"
    " el ell_Grek; en eng_Latn; es spa_Latn; et est_Latn; eu eus_Latn;"
    " fa pes_Arab; fi fin_Latn; fr fra_Latn; ga gle_Latn;"
    " gl glg_Latn; gu guj_Gujr; he heb_Hebr; hi hin_Deva; hr hrv_Latn;"
    " hu hun_Latn; hy hye_Armn; id ind_Latn; is isl_Latn;"
    " it ita_Latn; ja jpn_Jpan; ka kat_Geor; kk kaz_Cyrl; km khm_Khmr;"
    " kn kan_Knda; ko kor_Hang; lt lit_Latn; lv lvs_Latn;"
    " mk mkd_Cyrl; ml mal_Mlym; mn khk_Cyrl; mr mar_Deva; ms zsm_Latn;"
    " mt mlt_Latn; my mya_Mymr; nb nob_Latn; ne npi_Deva;"
    " nl nld_Latn; no nob_Latn; pa pan_Guru; pl pol_Latn; ps pbt_Arab;"
    " pt por_Latn; ro ron_Latn; ru rus_Cyrl; si sin_Sinh;"
    " sk slk_Latn; sl slv_Latn; so som_Latn; sq als_Latn; sr srp_Cyrl;"
    " sv swe_Latn; sw swh_Latn; ta tam_Taml; te tel_Telu;"
    " th tha_Thai; tl tgl_Latn; tr tur_Latn; uk ukr_Cyrl; ur urd_Arab;"
    " uz uzn_Latn; vi vie_Latn; xh xho_Latn; yo yor_Latn; zh zho_Hans; zu zul_Latn"
)

NLLB: Final[dict[str, str]] = dict(pair.split() for pair in _NLLB.split("; "))
"""NLLB's codes, which are tokens of its, by ISO 639-1."""


def plain(code: str) -> str:
    """es-MX is es."""
    return code.partition("-")[0].lower()


def nllb_languages(vocabulary: Collection[str]) -> list[str]:
    """The languages of which a vocabulary has NLLB's token."""
    return sorted(code for code, token in NLLB.items() if token in vocabulary)


def opus_target(code: str, tokens: Collection[str]) -> str | None:
    """The token by which an OPUS-MT model of several target languages is told one; None where it has none for it."""
    long = NLLB.get(code, "").partition("_")[0]
    for token in (f">>{code}<<", f">>{long}<<"):
        if token in tokens:
            return token
    starts = tuple(f">>{one}_" for one in (code, long) if one)
    return min((token for token in tokens if token.startswith(starts)), default=None)
