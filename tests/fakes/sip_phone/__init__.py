"""A scripted SIP phone: it says what a test tells it to at the moment it is told, and does on purpose what phones do.

Beside baresip (controller/stack/phone.py), which is a real phone but only plays a file from the start of a call.
"""

from tests.fakes.sip_phone.g711 import PCMA, PCMU
from tests.fakes.sip_phone.phone import SipPhone

__all__ = ["PCMA", "PCMU", "SipPhone"]
