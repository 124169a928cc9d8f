"""What the API sends and takes about applications for certificates, and about what would be said of a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from exchange.core.applications import MAX_REASON, Application, EnrolmentCode
from exchange.core.switching import Rehearsal
from trust_store.certificate import Certificate
from trust_store.explain import as_record
from trust_store.verdict import Verdict

MAX_REQUEST: Final = 16_384
MAX_CERTIFICATES: Final = 100_000
"""Characters of PEM."""


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """One check that was made when an application was handed in: its stable name, how it ended, and a sentence."""

    name: str
    outcome: str
    text: str


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """What one person decided."""

    by: str
    at: datetime
    approves: bool
    why: str


class ApplicationView(msgspec.Struct, frozen=True, kw_only=True):
    """An application for a certificate; `certificate` is the SHA-256 of what came of it, `pem` that with its authorities.

    `digest` is the SHA-256 of the request, or of the certificate that is to be registered, and `key_print` that of the key:
    compare it by another way than this one before you approve. `needed` persons must approve, `approvals` did.
    """

    id: str
    party: str
    form: str
    state: str
    subject: str
    key: str
    key_print: str
    digest: str
    asked_by: str
    asked_at: datetime
    renews: str
    needed: int
    approvals: int
    decisions: list[DecisionView]
    checks: list[FindingView]
    why: str
    certificate: str
    pem: str = ""


class ApplicationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a certificate by a `request` (PKCS#10 in PEM), or for a `certificate` (PEM) from elsewhere to be registered.

    `renews` (SHA-256) with `proof` is the certificate that asks for its successor, and its signature. For a certificate from
    elsewhere: the `challenge`, and `proof` (base64) or `signed` (XML).
    """

    request: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_REQUEST})] = ""
    certificate: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_CERTIFICATES})] = ""
    renews: str = ""
    challenge: str = ""
    proof: str = ""
    signed: str = ""


class ChallengeView(msgspec.Struct, frozen=True, kw_only=True):
    """Something to sign once, and until when: with the hub's and the party's own code it makes the statement."""

    challenge: str
    hub: str
    party: str
    expires_at: datetime


class RefusalRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say why an application is refused; its party reads it."""

    why: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_REASON})]


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code without its secret; `application` is the one that it was used for."""

    id: str
    party: str
    given_by: str
    expires_at: datetime
    application: str


class NewCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A new one-time code with its secret, shown once."""

    secret: str
    code: CodeView


class SwitchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what would be said at a moment (now unless told) of a `certificate` (PEM), or of a `letter` signed with its key."""

    certificate: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_CERTIFICATES})] = ""
    letter: str = ""
    at: datetime | None = None


class JudgedView(msgspec.Struct, frozen=True, kw_only=True):
    """What would be said of one certificate, with the whole tree of checks; `fingerprint` is empty when none can be read."""

    fingerprint: str
    subject: str
    verdict: dict[str, Any]


class SwitchView(msgspec.Struct, frozen=True, kw_only=True):
    """What would be said at a moment of the new certificate, and of those that are registered now."""

    at: datetime
    verifies: bool
    new: JudgedView
    current: list[JudgedView]


def show_application(application: Application, chain: Sequence[Certificate] = ()) -> ApplicationView:
    """Show an application, and what came of it if that is given."""
    return ApplicationView(
        id=application.id,
        party=application.party,
        form=application.form,
        state=application.state,
        subject=application.subject,
        key=application.key,
        key_print=application.key_print,
        digest=application.digest,
        asked_by=application.asked_by,
        asked_at=application.asked_at,
        renews=application.renews,
        needed=application.needed,
        approvals=application.approvals,
        decisions=[
            DecisionView(by=each.by, at=each.at, approves=each.approves, why=each.why) for each in application.decisions
        ],
        checks=[FindingView(name=each.name, outcome=each.outcome, text=each.text) for each in application.checks],
        why=application.why,
        certificate=application.certificate,
        pem="".join(each.pem.decode() for each in chain),
    )


def show_code(code: EnrolmentCode) -> CodeView:
    """Show a code without its secret."""
    return CodeView(
        id=code.id,
        party=code.party,
        given_by=code.given_by,
        expires_at=code.expires_at,
        application=code.application,
    )


def show_rehearsal(found: Rehearsal) -> SwitchView:
    """Show what would be said."""
    return SwitchView(
        at=found.verdict.at,
        verifies=found.verdict.reason is None,
        new=_judged(found.certificate, found.verdict),
        current=[_judged(certificate, verdict) for certificate, verdict in found.current],
    )


def _judged(certificate: Certificate | None, verdict: Verdict) -> JudgedView:
    return JudgedView(
        fingerprint=certificate.fingerprint if certificate else "",
        subject=certificate.subject if certificate else "",
        verdict=as_record(verdict),
    )
