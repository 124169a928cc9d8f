"""Applications: a party asks for a certificate, or for one that it has to be registered; people decide.

An application is named by its party and by what was handed in, so the same handed in again is the same application.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from exchange.core.model import Party, PartyId, PartyStatus, derive
from exchange.errors import PARTY_SUSPENDED, REQUEST
from trust_store.errors import Refused, reason
from trust_store.verdict import Check

ApplicationId = NewType("ApplicationId", str)

CLOSED = reason(
    "application-closed",
    "This application was decided or withdrawn",
    "Make a new key and a new request, and hand that in",
)
TOO_MANY = reason(
    "applications-too-many",
    "The party has as many open applications as it may have",
    "Wait for a decision, or withdraw those that are no longer wanted",
)
KEY_TAKEN = reason(
    "application-key",
    "This key has been certified before, or another application asks for it",
    "Make a new key: a key belongs to one certificate of one party",
)
NOT_RENEWABLE = reason(
    "application-renewal",
    "This certificate cannot ask for its successor",
    "Show or sign with a certificate of the party that this hub issued and that is in force, or apply anew",
)
CERTIFICATES_TOO_MANY = reason(
    "certificates-too-many",
    "The party has as many certificates in force as it may have",
    "Let those go that are no longer used: 'congvan cert let-go'",
)
LAST_CERTIFICATE = reason(
    "certificate-last",
    "This is the last certificate of the party that is in force",
    "Have the next one in force first; a key that was lost or stolen is for the administrator to revoke",
)
NO_CHALLENGE = reason(
    "proof-challenge",
    "The proof answers no challenge that the hub gave to this party and still waits for",
    "Ask for a new challenge and sign that; each serves once",
)
NO_AUTHORITY = reason(
    "authority-missing",
    "This hub has no authority of its own that could issue certificates",
    "Hand in a certificate of a public authority; the operator finds the place of the key in docs/howto/enrol.md",
)

MAX_OPEN: Final = 5
MAX_IN_FORCE: Final = 10
MAX_REASON: Final = 500
CHALLENGE_LIFE: Final = timedelta(minutes=15)
MAX_CHALLENGES: Final = 20


class Form(StrEnum):
    """Say what is asked for: a certificate of the hub's authority, or that one from elsewhere be registered."""

    ISSUE = "issue"
    REGISTER = "register"


class ApplicationState(StrEnum):
    """Say where an application stands; `approved` passes within a moment, or when a crash is mended."""

    PENDING = "pending"
    APPROVED = "approved"
    COMPLETED = "completed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """State how a hub enrols: lifetimes, and how many persons must approve; 0 for a renewal means none."""

    days: int
    approvals: int
    renewal_approvals: int
    code_life: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hold what one person decided: `person` is whom the credential stands for, `by` the actor."""

    person: str
    by: str
    at: datetime
    approves: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Fix what a certificate will say before it is signed, so that whoever goes on after a crash signs the very same."""

    serial: int
    begins: datetime
    days: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Describe an application.

    `content` is the request (DER), or the certificate with its helpers (PEM); `digest` is its SHA-256 (hex), or the
    certificate's. `key_print` names the key, `key` describes it. `renews` is the certificate that asked, empty when
    none did. `needed` persons must approve. `checks` all passed when it was handed in. `certificate` is what came of it.
    """

    id: ApplicationId
    party: PartyId
    form: Form
    digest: str
    content: bytes
    subject: str
    key: str
    key_print: str
    asked_by: str
    asked_at: datetime
    needed: int
    checks: tuple[Check, ...]
    state: ApplicationState = ApplicationState.PENDING
    renews: str = ""
    decisions: tuple[Decision, ...] = ()
    issue: Issue | None = None
    certificate: str = ""
    code: str = ""

    @property
    def approvals(self) -> int:
        """Count the persons who approved."""
        return len({item.person for item in self.decisions if item.approves})

    @property
    def why(self) -> str:
        """Say why it was refused; empty when it was not."""
        return next((item.why for item in self.decisions if not item.approves), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentCode:
    """Describe a one-time code: the credential of a party that has none. `application` is the one that it was used for."""

    id: str
    party: PartyId
    given_by: str
    expires_at: datetime
    application: str = ""


def application_id(party: PartyId, digest: str) -> ApplicationId:
    """Name an application by its party and what was handed in."""
    return ApplicationId(derive("application", party, digest))


def decide(application: Application, decision: Decision, needed: int, party: Party | None, issue: Issue) -> Application:
    """Add a decision: one refusal refuses, approvals of `needed` different persons approve; the same person counts once.

    The same decision again changes nothing. `issue` is used if this is the decision that approves.

    Raises:
        Refused: `application-closed`, or `party-suspended` when it would approve for a party that may not take part.
    """
    repeated = decision.approves and application.state in {ApplicationState.APPROVED, ApplicationState.COMPLETED}
    if repeated or (not decision.approves and application.state is ApplicationState.REFUSED):
        return application
    if application.state is not ApplicationState.PENDING:
        raise Refused(CLOSED, f"The application is {application.state}")
    if not decision.approves:
        return dataclasses.replace(
            application, decisions=(*application.decisions, decision), state=ApplicationState.REFUSED
        )
    if party is None or party.status is PartyStatus.SUSPENDED:
        raise Refused(PARTY_SUSPENDED, f"{application.party} is suspended; nothing is approved for it meanwhile")
    if any(item.person == decision.person for item in application.decisions):
        return application
    approved = dataclasses.replace(application, decisions=(*application.decisions, decision))
    return complete_approval(approved, needed, issue)


def complete_approval(application: Application, needed: int, issue: Issue) -> Application:
    """Approve an application when as many persons as needed did; what will be signed is fixed with that."""
    if application.approvals < max(needed, application.needed):
        return application
    return dataclasses.replace(application, state=ApplicationState.APPROVED, issue=issue)


def withdraw(application: Application) -> Application:
    """Withdraw a pending application; again changes nothing.

    Raises:
        Refused: `application-closed`.
    """
    if application.state not in {ApplicationState.PENDING, ApplicationState.WITHDRAWN}:
        raise Refused(CLOSED, f"The application is {application.state}")
    return dataclasses.replace(application, state=ApplicationState.WITHDRAWN)


def check_reason(text: str) -> str:
    """Return what can be the reason of a refusal.

    Raises:
        Refused: `request-malformed`.
    """
    if not 1 <= len(text.strip()) <= MAX_REASON or not text.isprintable():
        raise Refused(REQUEST, f"A reason has 1 to {MAX_REASON} printable characters", where="why")
    return text.strip()
