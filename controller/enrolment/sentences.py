"""What is said to somebody who enrols by phone, in their own language."""

from __future__ import annotations

from enum import Enum
from typing import Final

CONSENT_TEXT: Final = "phone-1"
"""The version of `Sentence.CONSENT`, in whatever language: it goes into the profile. Change it with the text."""

FALLBACK: Final = "en"
"""For those whose language is not in the table."""


class Sentence(Enum):
    """What can be said."""

    CONSENT = "consent"
    DECLINED = "declined"
    NEUTRAL = "neutral"
    CALM = "calm"
    LIVELY = "lively"
    SHORT = "short"
    QUIET = "quiet"
    CLIPPED = "clipped"
    NOISY = "noisy"
    UNCLEAR = "unclear"
    ANOTHER = "another"
    MOMENT = "moment"
    DONE = "done"
    FAILED = "failed"
    NO_NUMBER = "no number"
    TAKEN = "taken"
    NOT_KEPT = "not kept"


MANNERS: Final = (Sentence.NEUTRAL, Sentence.CALM, Sentence.LIVELY)
"""The recordings, in order: how somebody speaks in each is what a call can choose from."""

TEXTS: Final[dict[str, dict[Sentence, str]]] = {
    "en": {
        Sentence.CONSENT: "Here your voice can be enrolled. It is kept, with three short recordings of it, and on "
        "interpreted calls from this number your words will be spoken with it in other languages. You may take this "
        "back at any time from whoever runs this service. Press one if you agree, or two if you do not.",
        Sentence.DECLINED: "Nothing is kept. Goodbye.",
        Sentence.NEUTRAL: "After the tone, please tell in your normal voice what you did this morning. Speak for "
        "about six seconds, then be silent.",
        Sentence.CALM: "Thank you. After the tone, please describe the room that you are in, slowly and calmly.",
        Sentence.LIVELY: "Thank you. And after the tone tell me good news, lively, as you would tell a friend.",
        Sentence.SHORT: "That was too little. Please speak for five seconds or more.",
        Sentence.QUIET: "I could hardly hear you. Please speak closer to the phone.",
        Sentence.CLIPPED: "That was too loud. Please hold the phone a little away.",
        Sentence.NOISY: "There was too much noise. Please go where it is quieter.",
        Sentence.UNCLEAR: "I could not use that. Please say it once more.",
        Sentence.ANOTHER: "That did not sound like the same person. Please say it once more.",
        Sentence.MOMENT: "Thank you. One moment, please.",
        Sentence.DONE: "Your voice is enrolled. It will be used when you call from this number, until you take back "
        "your consent from whoever runs this service. Goodbye.",
        Sentence.FAILED: "Your voice could not be enrolled, and nothing is kept. Please try again later. Goodbye.",
        Sentence.NO_NUMBER: "Your number is not shown, and a voice is kept for a number. Please call with it.",
        Sentence.TAKEN: "Another voice is kept for this number. Please ask whoever runs this service. Goodbye.",
        Sentence.NOT_KEPT: "No voices are kept here. Goodbye.",
    },
    "es": {
        Sentence.CONSENT: "Aquí puede registrar su voz. Se guardará, con tres grabaciones breves, y en las llamadas "
        "interpretadas desde este número sus palabras se dirán con ella en otros idiomas. Puede retirarlo en "
        "cualquier momento ante quien ofrece este servicio. Pulse uno si está de acuerdo, o dos si no lo está.",
        Sentence.DECLINED: "No se guarda nada. Adiós.",
        Sentence.NEUTRAL: "Después del tono, cuente con su voz normal qué ha hecho esta mañana. Hable unos seis "
        "segundos y después calle.",
        Sentence.CALM: "Gracias. Después del tono, describa la habitación en la que está, despacio y con calma.",
        Sentence.LIVELY: "Gracias. Y después del tono, cuente una buena noticia, con viveza, como a un amigo.",
        Sentence.SHORT: "Ha sido muy poco. Por favor, hable cinco segundos o más.",
        Sentence.QUIET: "Casi no se oye. Por favor, hable más cerca del teléfono.",
        Sentence.CLIPPED: "Ha sido demasiado fuerte. Por favor, aleje un poco el teléfono.",
        Sentence.NOISY: "Había demasiado ruido. Por favor, vaya a un lugar más tranquilo.",
        Sentence.UNCLEAR: "No se puede usar. Por favor, dígalo otra vez.",
        Sentence.ANOTHER: "No parecía la misma persona. Por favor, dígalo otra vez.",
        Sentence.MOMENT: "Gracias. Un momento, por favor.",
        Sentence.DONE: "Su voz está registrada. Se usará cuando llame desde este número, hasta que retire su "
        "consentimiento ante quien ofrece este servicio. Adiós.",
        Sentence.FAILED: "No se ha podido registrar su voz y no se guarda nada. Inténtelo más tarde. Adiós.",
        Sentence.NO_NUMBER: "Su número no se muestra, y una voz se guarda para un número. Llame sin ocultarlo.",
        Sentence.TAKEN: "Ya hay otra voz para este número. Pregunte a quien ofrece este servicio. Adiós.",
        Sentence.NOT_KEPT: "Aquí no se guardan voces. Adiós.",
    },
    "fr": {
        Sentence.CONSENT: "Ici vous pouvez enregistrer votre voix. Elle sera conservée, avec trois courts "
        "enregistrements, et lors des appels interprétés depuis ce numéro, vos paroles seront dites avec elle dans "
        "d'autres langues. Vous pouvez y renoncer à tout moment auprès de qui offre ce service. Appuyez sur un si "
        "vous êtes d'accord, sur deux sinon.",
        Sentence.DECLINED: "Rien n'est conservé. Au revoir.",
        Sentence.NEUTRAL: "Après le signal, racontez avec votre voix normale ce que vous avez fait ce matin. Parlez "
        "environ six secondes, puis taisez-vous.",
        Sentence.CALM: "Merci. Après le signal, décrivez la pièce où vous êtes, lentement et calmement.",
        Sentence.LIVELY: "Merci. Et après le signal, racontez une bonne nouvelle, avec entrain, comme à un ami.",
        Sentence.SHORT: "C'était trop peu. Parlez cinq secondes ou plus, s'il vous plaît.",
        Sentence.QUIET: "Je vous entends à peine. Parlez plus près du téléphone, s'il vous plaît.",
        Sentence.CLIPPED: "C'était trop fort. Éloignez un peu le téléphone, s'il vous plaît.",
        Sentence.NOISY: "Il y avait trop de bruit. Allez dans un endroit plus calme, s'il vous plaît.",
        Sentence.UNCLEAR: "Je ne peux pas l'utiliser. Dites-le encore une fois, s'il vous plaît.",
        Sentence.ANOTHER: "Cela ne semblait pas être la même personne. Dites-le encore une fois, s'il vous plaît.",
        Sentence.MOMENT: "Merci. Un instant, s'il vous plaît.",
        Sentence.DONE: "Votre voix est enregistrée. Elle servira quand vous appelez depuis ce numéro, jusqu'à ce "
        "que vous retiriez votre accord auprès de qui offre ce service. Au revoir.",
        Sentence.FAILED: "Votre voix n'a pas pu être enregistrée, rien n'est conservé. Réessayez plus tard. Au revoir.",
        Sentence.NO_NUMBER: "Votre numéro est masqué, et une voix est gardée pour un numéro. Appelez sans le masquer.",
        Sentence.TAKEN: "Une autre voix est conservée pour ce numéro. Adressez-vous à qui offre ce service. Au revoir.",
        Sentence.NOT_KEPT: "Aucune voix n'est conservée ici. Au revoir.",
    },
    "de": {
        Sentence.CONSENT: "Hier kann Ihre Stimme aufgenommen werden. Sie wird mit drei kurzen Aufnahmen aufbewahrt, "
        "und bei gedolmetschten Anrufen von dieser Nummer werden Ihre Worte mit ihr in anderen Sprachen gesprochen. "
        "Sie können das jederzeit bei dem Betreiber dieses Dienstes widerrufen. Drücken Sie die Eins, wenn Sie "
        "zustimmen, sonst die Zwei.",
        Sentence.DECLINED: "Es wird nichts aufbewahrt. Auf Wiederhören.",
        Sentence.NEUTRAL: "Erzählen Sie nach dem Ton mit Ihrer normalen Stimme, was Sie heute Morgen getan haben. "
        "Sprechen Sie etwa sechs Sekunden, und schweigen Sie dann.",
        Sentence.CALM: "Danke. Beschreiben Sie nach dem Ton langsam und ruhig den Raum, in dem Sie sind.",
        Sentence.LIVELY: "Danke. Und nun erzählen Sie nach dem Ton eine gute Nachricht, lebhaft, wie einem Freund.",
        Sentence.SHORT: "Das war zu wenig. Bitte sprechen Sie fünf Sekunden oder länger.",
        Sentence.QUIET: "Ich konnte Sie kaum hören. Bitte sprechen Sie näher am Telefon.",
        Sentence.CLIPPED: "Das war zu laut. Bitte halten Sie das Telefon etwas weiter weg.",
        Sentence.NOISY: "Es war zu viel Lärm. Bitte gehen Sie dorthin, wo es leiser ist.",
        Sentence.UNCLEAR: "Das konnte ich nicht verwenden. Bitte sagen Sie es noch einmal.",
        Sentence.ANOTHER: "Das klang nicht wie dieselbe Person. Bitte sagen Sie es noch einmal.",
        Sentence.MOMENT: "Danke. Einen Moment, bitte.",
        Sentence.DONE: "Ihre Stimme ist aufgenommen. Sie wird verwendet, wenn Sie von dieser Nummer anrufen, bis "
        "Sie Ihre Zustimmung bei dem Betreiber dieses Dienstes widerrufen. Auf Wiederhören.",
        Sentence.FAILED: "Ihre Stimme konnte nicht aufgenommen werden, und nichts wird aufbewahrt. Bitte versuchen "
        "Sie es später. Auf Wiederhören.",
        Sentence.NO_NUMBER: "Ihre Nummer ist unterdrückt, und eine Stimme wird für eine Nummer aufbewahrt. Bitte "
        "rufen Sie mit Nummer an.",
        Sentence.TAKEN: "Für diese Nummer gibt es eine andere Stimme. Bitte fragen Sie den Betreiber. Auf Wiederhören.",
        Sentence.NOT_KEPT: "Hier werden keine Stimmen aufbewahrt. Auf Wiederhören.",
    },
    "it": {
        Sentence.CONSENT: "Qui può registrare la sua voce. Sarà conservata, con tre brevi registrazioni, e nelle "
        "chiamate interpretate da questo numero le sue parole saranno dette con essa in altre lingue. Può ritirare "
        "il consenso in ogni momento presso chi offre questo servizio. Prema uno se è d'accordo, due se non lo è.",
        Sentence.DECLINED: "Non si conserva niente. Arrivederci.",
        Sentence.NEUTRAL: "Dopo il segnale, racconti con la sua voce normale che cosa ha fatto stamattina. Parli "
        "circa sei secondi, poi taccia.",
        Sentence.CALM: "Grazie. Dopo il segnale, descriva la stanza in cui si trova, lentamente e con calma.",
        Sentence.LIVELY: "Grazie. E dopo il segnale racconti una buona notizia, con vivacità, come a un amico.",
        Sentence.SHORT: "Era troppo poco. Per favore, parli cinque secondi o più.",
        Sentence.QUIET: "La sento appena. Per favore, parli più vicino al telefono.",
        Sentence.CLIPPED: "Era troppo forte. Per favore, allontani un poco il telefono.",
        Sentence.NOISY: "C'era troppo rumore. Per favore, vada dove c'è più silenzio.",
        Sentence.UNCLEAR: "Non posso usarlo. Per favore, lo dica ancora una volta.",
        Sentence.ANOTHER: "Non sembrava la stessa persona. Per favore, lo dica ancora una volta.",
        Sentence.MOMENT: "Grazie. Un momento, per favore.",
        Sentence.DONE: "La sua voce è registrata. Sarà usata quando chiama da questo numero, finché non ritira il "
        "consenso presso chi offre questo servizio. Arrivederci.",
        Sentence.FAILED: "Non è stato possibile registrare la sua voce e non si conserva niente. Riprovi più tardi. "
        "Arrivederci.",
        Sentence.NO_NUMBER: "Il suo numero è nascosto, e una voce si conserva per un numero. Chiami senza nasconderlo.",
        Sentence.TAKEN: "C'è già un'altra voce per questo numero. Chieda a chi offre questo servizio. Arrivederci.",
        Sentence.NOT_KEPT: "Qui non si conservano voci. Arrivederci.",
    },
}
