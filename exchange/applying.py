"""The part of the client that applies for certificates, and decides on applications."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from exchange.answers import read_answer
from exchange.api.accounts import CertificateView
from exchange.api.enrolment_views import (
    ApplicationRequest,
    ApplicationView,
    ChallengeView,
    CodeView,
    NewCodeView,
    RefusalRequest,
    SwitchRequest,
    SwitchView,
)
from trust_store.enrol_proof import holding_statement, prove, renewal_statement
from trust_store.enrol_request import read_request
from trust_store.keys import KeyHolder


class Applying:
    """Apply for certificates and decide on applications; `Client.enrolment` gives one. Raises as the client does."""

    def __init__(self, ask: Callable[..., Awaitable[bytes]]) -> None:
        self._ask = ask

    async def apply(self, request: bytes, *, renews: KeyHolder | None = None) -> ApplicationView:
        """Hand in a request (PEM); `renews` is the key in force, which signs that it asks for its successor."""
        wanted = ApplicationRequest(request=request.decode())
        if renews is not None:
            asked, fingerprint = await self.challenge(), renews.certificate.fingerprint
            statement = renewal_statement(asked.hub, asked.party, fingerprint, read_request(request).digest)
            wanted = msgspec.structs.replace(wanted, renews=fingerprint, proof=_text(prove(renews, statement)))
        return await self._apply(wanted)

    async def register(self, holder: KeyHolder) -> ApplicationView:
        """Ask that a certificate from elsewhere be registered, and prove that its key is here."""
        asked, certificate = await self.challenge(), holder.certificate
        proof = prove(holder, holding_statement(asked.hub, asked.party, certificate.fingerprint, asked.challenge))
        pem = b"".join(each.pem for each in (certificate, *holder.chain)).decode()
        return await self._apply(ApplicationRequest(certificate=pem, challenge=asked.challenge, proof=_text(proof)))

    async def register_signed(self, certificate: bytes, challenge: str, signed: bytes) -> ApplicationView:
        """Ask the same with a proof that other software signed as XML."""
        wanted = ApplicationRequest(certificate=certificate.decode(), challenge=challenge, signed=signed.decode())
        return await self._apply(wanted)

    async def challenge(self) -> ChallengeView:
        """Get something to sign."""
        return read_answer(await self._ask("POST", "v1/challenges"), ChallengeView)

    async def applications(self) -> list[ApplicationView]:
        """List the party's applications, newest first."""
        return read_answer(await self._ask("GET", "v1/applications"), list[ApplicationView])

    async def application(self, key: str) -> ApplicationView:
        """Show an application of the party, and the certificate when there is one."""
        return read_answer(await self._ask("GET", f"v1/applications/{key}"), ApplicationView)

    async def withdraw(self, key: str) -> ApplicationView:
        """Withdraw an application."""
        return read_answer(await self._ask("DELETE", f"v1/applications/{key}"), ApplicationView)

    async def certificates(self) -> list[CertificateView]:
        """List the certificates that speak for the party."""
        return read_answer(await self._ask("GET", "v1/certificates"), list[CertificateView])

    async def let_go(self, fingerprint: str) -> CertificateView:
        """End a certificate of the party from now on."""
        return read_answer(await self._ask("DELETE", f"v1/certificates/{fingerprint}"), CertificateView)

    async def rehearse(
        self, *, certificate: bytes = b"", letter: bytes = b"", at: datetime | None = None
    ) -> SwitchView:
        """Ask what would be said at a moment of a certificate, or of a letter signed with its key."""
        wanted = SwitchRequest(certificate=certificate.decode(), letter=letter.decode(), at=at)
        return read_answer(await self._ask("POST", "v1/rehearsals", data=msgspec.json.encode(wanted)), SwitchView)

    async def enrolments(self, state: str = "pending", *, after: str = "", limit: int = 50) -> list[ApplicationView]:
        """List the applications of all parties in a state, oldest first; for administrators."""
        query = {"state": state, "limit": str(limit)} | ({"after": after} if after else {})
        return read_answer(await self._ask("GET", "v1/enrolments", params=query), list[ApplicationView])

    async def enrolment(self, key: str) -> ApplicationView:
        """Show an application of any party; for administrators."""
        return read_answer(await self._ask("GET", f"v1/enrolments/{key}"), ApplicationView)

    async def approve(self, key: str) -> ApplicationView:
        """Approve an application; for administrators."""
        return read_answer(await self._ask("POST", f"v1/enrolments/{key}/approval"), ApplicationView)

    async def refuse(self, key: str, why: str) -> ApplicationView:
        """Refuse an application, with a reason that its party reads; for administrators."""
        body = msgspec.json.encode(RefusalRequest(why=why))
        return read_answer(await self._ask("POST", f"v1/enrolments/{key}/refusal", data=body), ApplicationView)

    async def give_code(self, party: str) -> NewCodeView:
        """Give a party a one-time code to enrol with; for administrators."""
        return read_answer(await self._ask("POST", f"v1/parties/{party}/enrolment-codes"), NewCodeView)

    async def revoke_code(self, party: str, code: str) -> CodeView:
        """End a one-time code; for administrators."""
        return read_answer(await self._ask("DELETE", f"v1/parties/{party}/enrolment-codes/{code}"), CodeView)

    async def _apply(self, wanted: ApplicationRequest) -> ApplicationView:
        body = msgspec.json.encode(wanted)
        return read_answer(await self._ask("POST", "v1/applications", data=body), ApplicationView)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
