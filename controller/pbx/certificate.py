"""Whether phones can trust a TLS server's certificate for as long as they need to: asked of the server itself.

Knows dates; who signed it, and for which name, is between the phones and whoever gave it.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final

SOON_DAYS: Final = 14
"""A certificate that is renewed by itself has been by then."""

_ANSWER_S: Final = 5.0
_EXPIRED: Final = 10
_NOT_YET: Final = 9
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID."""


def trouble(host: str, port: int, *, soon_days: float = SOON_DAYS) -> str | None:
    """What is wrong with the certificate that a server shows, as the end of a sentence; None where nothing is.

    Waits for the network: not for the event loop's thread.
    """
    try:
        shown = ssl.get_server_certificate((host, port), timeout=_ANSWER_S)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=shown)  # trusted as it is: its dates are what is left to be checked
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        with (
            socket.create_connection((host, port), _ANSWER_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            known = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            return "has expired"
        if error.verify_code == _NOT_YET:
            return "is not valid yet"
        return f"cannot be verified ({error.verify_message})"
    except OSError as error:  # TLS errors among them
        return f"cannot be seen: {host}:{port} does not answer as TLS ({error.strerror or error})"
    days = (ssl.cert_time_to_seconds(str(known["notAfter"])) - time.time()) / 86400
    return f"expires in {days:.0f} days" if days < soon_days else None
