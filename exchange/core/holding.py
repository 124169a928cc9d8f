"""What the hub holds back: messages signed by a key that was declared compromised."""

from __future__ import annotations

from enum import StrEnum

from trust_store.errors import Refused, reason

QUARANTINED = reason(
    "message-quarantined",
    "The message is held back: the key that signed it was declared compromised",
    "Wait until the administrator releases or withdraws it; ask the sender, by another way, whether it is genuine",
)
WITHDRAWN = reason(
    "message-withdrawn",
    "The message was withdrawn: the key that signed it was compromised",
    "Ask the sender to sign the document with its new certificate and send it again",
)


class Held(StrEnum):
    """Say whether a delivery is held back.

    `quarantined` and `withdrawn` ones are not handed out; a `suspect` one had been handed over when the key was declared
    compromised.
    """

    NONE = ""
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"
    SUSPECT = "suspect"


def refuse_held(held: Held) -> None:
    """Go on only with what is not held back.

    Raises:
        Refused: `message-quarantined`, or `message-withdrawn`.
    """
    if held is Held.QUARANTINED:
        raise Refused(QUARANTINED)
    if held is Held.WITHDRAWN:
        raise Refused(WITHDRAWN)
