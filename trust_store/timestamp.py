"""What a time-stamp proves (RFC 3161): these octets existed at this moment, says an authority that is trusted for saying so.

Pure, as all of this room: the request takes its nonce from outside, and asking an authority is for others.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from asn1crypto import cms, core, tsp
from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from trust_store.certificate import Certificate
from trust_store.errors import Refused, reason
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import Policy, Use
from trust_store.token import HASHES, MALFORMED, MOST_CERTIFICATES, Token, load_token, write_request
from trust_store.verdict import Check, Verdict, failed, passed

DENIED = reason(
    "timestamp-denied",
    "The time-stamp authority gave no time-stamp",
    "Read what it says, ask its operator, or name another authority in the setting time_authorities",
)
OTHER_DATA = reason(
    "timestamp-other-data",
    "The time-stamp is about other data",
    "Have the document stamped again; software that re-saves XML breaks time-stamps as it breaks signatures",
)
REPLAYED = reason(
    "timestamp-replayed",
    "The time-stamp does not answer this request",
    "Name another authority in the setting time_authorities; this one, or something on the way to it, sends old answers",
)
POLICY = reason(
    "timestamp-policy", "The time-stamp was made under another policy than the one asked for", "Ask for no policy"
)
PURPOSE = reason(
    "timestamp-purpose",
    "The certificate of the time-stamp authority is not for time-stamps alone",
    "Use an authority whose certificate has the one, critical purpose timeStamping",
)
CLOCK = reason(
    "timestamp-clock",
    "The clocks of the hub and of the time-stamp authority differ",
    "Set the hub's clock by NTP; if it is right, name another authority in the setting time_authorities",
)
LAPSED = reason(
    "timestamp-lapsed",
    "Nothing has protected the time-stamp since its authority's certificate ended",
    "Renew archive time-stamps before the certificate of the last one ends (congvan raise --level LTA)",
)

ALGORITHMS: Final = tuple(HASHES)
"""The digests that can be stamped, weakest first."""
_PURPOSES: Final = frozenset({ExtendedKeyUsageOID.TIME_STAMPING.dotted_string})


class _Answer(core.Sequence):  # type: ignore[misc]
    """TimeStampResp with the token left out, as an authority that denies sends it (RFC 3161, 2.4.2)."""

    _fields: ClassVar[list[Any]] = [("status", tsp.PKIStatusInfo), ("token", cms.ContentInfo, {"optional": True})]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold a request: what is to be stamped (a digest, and the name of its algorithm), and what must come back with it."""

    algorithm: str
    imprint: bytes
    nonce: int
    policy: str = ""

    @property
    def der(self) -> bytes:
        """Write the request as it goes to an authority (`application/timestamp-query`)."""
        return write_request(self.algorithm, self.imprint, self.nonce, self.policy)


def read_answer(data: bytes, asked: Asked, now: datetime, skew: timedelta) -> Token:
    """Read an authority's answer to a request (RFC 3161, 2.4.2 and 2.2): granted, about this data, and fresh.

    `skew` is by how much the two clocks may differ. Who the authority is, is not judged here.

    Raises:
        Refused: `timestamp-denied`, `-malformed`, `-algorithm`, `-forged`, `-other-data`, `-replayed`, `-policy`, `-clock`.
    """
    token = load_token(_granted(data))
    if token.algorithm != asked.algorithm or not hmac.compare_digest(token.imprint, asked.imprint):
        raise Refused(OTHER_DATA)
    if token.nonce != asked.nonce:
        raise Refused(REPLAYED, "The nonce of the time-stamp is not the one that was sent")
    if asked.policy and token.policy != asked.policy:
        raise Refused(
            POLICY, f"The policy {asked.policy} was asked for, and the time-stamp was made under {token.policy}"
        )
    # What an authority says of its accuracy is not yet judged; it cannot excuse a clock that is far off.
    if abs(token.time - now) > skew + min(token.accuracy, skew):
        told = f"The authority says {token.time:%Y-%m-%d %H:%M:%S} UTC and the hub {now:%Y-%m-%d %H:%M:%S} UTC"
        raise Refused(CLOCK, told)
    return token


def judge_token(
    token: Token, imprint: bytes, evidence: Evidence, policy: Policy, now: datetime | None = None
) -> Verdict:
    """Decide whether a token proves that data with this digest existed at its time.

    Anchors count whose terms have the use `timestamps`. The authority is judged at the token's own time, and
    once more at `now`: the moment up to which nothing else has protected it (EN 319 102-1, 5.6.2.3), when one is given.
    """
    at, own = token.time, replace(policy, purposes=_PURPOSES, use=Use.TIMESTAMPS, certificates=MOST_CERTIFICATES)
    verdict = judge((token.authority, *token.helpers), evidence, own, at)
    checks = [_about(token, imprint), purpose(token.authority), *verdict.checks, _second(token, evidence)]
    if now is not None and verdict.reason is None:
        checks.append(_lasting(token, evidence, own, now))
    wrong = next((each for each in checks if each.reason is not None), None)
    text = f"Existed at {at:%Y-%m-%d %H:%M:%S} UTC, says {token.authority.subject}"
    if wrong is None:
        return replace(verdict, text=text, checks=tuple(checks))
    return replace(verdict, outcome=wrong.outcome, text=wrong.text, reason=wrong.reason, checks=tuple(checks))


def purpose(certificate: Certificate) -> Check:
    """Ask for the one purpose timeStamping, marked critical (RFC 3161, 2.3)."""
    name, who = "timestamp-purpose", f"The certificate of {certificate.subject}"
    try:
        extension = certificate.x509.extensions.get_extension_for_class(ExtendedKeyUsage)
    except ExtensionNotFound:
        return failed(name, PURPOSE, f"{who} states no purpose")
    if not extension.critical or certificate.purposes != _PURPOSES:
        return failed(name, PURPOSE, f"{who} is for other purposes too, or its purpose is not critical")
    return passed(name, f"{who} is for time-stamps alone")


def _about(token: Token, imprint: bytes) -> Check:
    if hmac.compare_digest(token.imprint, imprint):
        return passed("timestamp-imprint", f"The time-stamp is about this data ({token.algorithm})")
    return failed("timestamp-imprint", OTHER_DATA, OTHER_DATA.title)


def _second(token: Token, evidence: Evidence) -> Check:
    """Ask a second, stricter reader, so that no verdict rests on a token that another tool would refuse."""
    name = "timestamp-strict"
    answer = bytes(_Answer({"status": {"status": "granted"}, "token": cms.ContentInfo.load(token.der)}).dump())
    between = (*evidence.intermediates, *token.helpers)
    if not evidence.anchors:
        return passed(name, "No authority is trusted for time-stamps here, so none was asked about twice")
    try:
        verifier = VerifierBuilder(
            roots=[each.x509 for each in evidence.anchors], intermediates=[each.x509 for each in between]
        ).build()
        verifier.verify(decode_timestamp_response(answer), token.imprint)
    except (VerificationError, ValueError) as error:
        return failed(name, MALFORMED, f"A second, strict reader refuses the time-stamp: {error}"[:400])
    return passed(name, "A second, strict reader accepts the time-stamp")


def _lasting(token: Token, evidence: Evidence, policy: Policy, now: datetime) -> Check:
    """Judge the authority as of now: a key that nobody looks after any more may have signed any time."""
    later = judge((token.authority, *token.helpers), evidence, policy, max(now, token.time))
    if later.reason is None:
        return passed("timestamp-lasting", f"Its authority is still believed at {later.at:%Y-%m-%d}")
    return failed("timestamp-lasting", LAPSED, f"{LAPSED.title}: {later.text}")


def _granted(data: bytes) -> bytes:
    try:
        answer: Any = _Answer.load(data, strict=True)
        status, token = answer["status"], answer["token"]
        if status["status"].native in {"granted", "granted_with_mods"} and token.native is not None:
            return bytes(token.dump())
        said = [*(status["status_string"].native or ()), *(status["fail_info"].native or ())]
    except (ValueError, TypeError, LookupError, AttributeError):
        raise Refused(MALFORMED, f"The {len(data):,} bytes of the answer are not a time-stamp response") from None
    words = "; ".join("".join(letter for letter in str(each) if letter.isprintable()) for each in said)
    raise Refused(DENIED, f"The time-stamp authority answers {status['status'].native}: {words}"[:400])
