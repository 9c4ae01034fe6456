"""What English and Spanish say differently: places, and turns of phrase that deny in one of both only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PLACES: Final = (
    "spain espana; england inglaterra; britain bretana;"
    " scotland escocia; ireland irlanda; wales gales; france francia;"
    " germany alemania; italy italia; netherlands holanda,bajos; holland holanda; belgium belgica; switzerland suiza;"
    " austria austria; sweden suecia; norway noruega;"
    " denmark dinamarca; finland finlandia; poland polonia; russia rusia;"
    " greece grecia; turkey turquia; hungary hungria;"
    " romania rumania; ukraine ucrania; egypt egipto; morocco marruecos;"
    " algeria argelia; africa africa; europe europa; asia asia;"
    " america america,unidos,eeuu; brazil brasil; mexico mejico,mexico;"
    " peru peru; panama panama; canada canada; japan japon;"
    " korea corea; china china; india india; philippines filipinas;"
    " dominican dominicana; haiti haiti; london londres; paris paris; rome roma; milan milan; venice venecia;"
    " florence florencia; naples napoles; turin turin;"
    " munich munich; cologne colonia; hamburg hamburgo; berlin berlin;"
    " vienna viena; geneva ginebra; zurich zurich; brussels bruselas; antwerp amberes; hague haya; lisbon lisboa;"
    " porto oporto; seville sevilla; saragossa zaragoza; moscow moscu; warsaw varsovia; prague praga; athens atenas;"
    " copenhagen copenhague; stockholm estocolmo;"
    " edinburgh edimburgo; dublin dublin; cairo cairo; beijing pekin,beijing;"
    " tokyo tokio; seoul seul; york york; orleans orleans;"
    " carolina carolina; california california; texas texas,tejas;"
    " pennsylvania pensilvania; louisiana luisiana; philadelphia filadelfia; havana habana; catalonia cataluna;"
    " andalusia andalucia; castile castilla; mediterranean mediterraneo; atlantic atlantico; pacific pacifico;"
    " thames tamesis; alps alpes; pyrenees pirineos; rhine rin; mary maria; john juan; joseph jose; peter pedro;"
    " paul pablo; james santiago,jaime; elizabeth isabel; charles carlos; philip felipe; william guillermo;"
    " christopher cristobal; columbus colon; jesus jesus; christ cristo; bible biblia; virgin virgen"
)


def _both_ways(pairs: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in pairs.split(";"):
        one, others = pair.split()
        for other in others.split(","):
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


PLACES: Final[Mapping[str, frozenset[str]]] = _both_ways(_PLACES)
"""Names by what they are called in the other language."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of phrase of two languages."""

    first: str
    """The language of each pair's first pattern; the second is the other's."""
    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    """Where both fit, that one denies and the other does not is no fault."""


def _pairs(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(rf"\b(?:{one})\b"), re.compile(rf"\b(?:{other})\b")) for one, other in pairs)


TURNS: Final = Turns(
    "en",
    _pairs(
        (r"hold|stay|wait|remain|keep|hang on|bear with|the line", r"no (?:se )?(?:cuelgu|retir|vay|cort|muev)\w+"),
        (r"(?:don't|do not) (?:hang up|go|leave|move)", r"esper\w+|mante\w+|aguard\w+|permane\w+|qued\w+|linea"),
        (r"welcome|pleasure|any ?time|of course|sure|certainly|gladly", r"nada|no (?:hay|faltaba|faltaria|es)|como no"),
        (r"forget it|all right|okay|ok|fine", r"no (?:importa|pasa nada|hay problema)"),
        (r"(?:don't|do not) worry|never ?mind|no matter", r"tranquil\w+|calm\w+|olvid\w+|igual"),
        (r"out|away|left|gone|off|elsewhere|busy", r"no (?:esta|estan|estaba|se encuentra\w*|puede\w*|vino|viene)"),
        (r"(?:not|isn't|aren't|no longer) (?:here|in|available|there)", r"sali\w*|fuera|ausente\w*|ocupad\w+|march\w+"),
        (r"only|just|but", r"no .*(?:mas que|sino)|nada mas|no mas"),
        (r"nothing but|no more than|not more than", r"solo|solamente|unicamente"),
        (r"until|till|unless|while", r"mientras no"),
        (r"wrong|mistaken|different|another", r"no (?:es|era|corresponde)"),
        (r"however|nevertheless|still|yet|even so|though", r"no obstante"),
        (r"hardly|barely|few|little|difficult|hard|doubt\w*|forg\w+|lost|out of|sold out|over|closed", r"no \w+"),
        (r"(?:can't|cannot|could not|couldn't) wait", r"ganas|ansios\w*|dese\w+"),
        (r"remember|remind|must|have to|need to|should|be sure", r"no (?:(?:se|te|le) )?(?:olvid|dej)\w+"),
        (r"(?:don't|do not) forget", r"recuerd\w+|acuerd\w+"),
        (r"have to|must|no choice", r"no (?:hay|tiene|queda)\w* mas remedio"),
        (r"let me know|tell me|feel free", r"no dud\w+|no deje\w*"),
        (r"(?:don't|do not) hesitate", r"con (?:toda )?confianza|cuando (?:quiera|guste)|libre\w*"),
        (r"hope|wish", r"ojala"),
        (r"i (?:don't|do not) (?:think|believe)", r"dud\w+"),
        (r"i doubt", r"no cre\w+"),
        (r"(?:don't|do not|doesn't|does not) (?:mind|care|matter)", r"igual"),
        (r"mind if|would you mind|do you mind", r"no (?:le|te|les) (?:import|molest)\w+"),
        (r"(?:have|has|had) not|haven't|hasn't|not yet", r"falta\w*|pend\w+"),
        (r"i don't know|no idea", r"quien sabe"),
        (r"not (?:bad|far|long|much|many)", r"bien|cerca|pronto|poc[oa]s?"),
        (r"bad|soon|near|close|short|less|few\w*|little", r"no (?:muy|tan|tant\w+|much\w+|esta)"),
        (r"no (?:rush|hurry)|take your time", r"(?:sin|no hay) prisa|su tiempo"),
        (r"nothing else|that's all|that is all", r"es todo|nada mas"),
    ),
)
