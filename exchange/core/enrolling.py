"""How a party comes to a certificate, read top to bottom: ask, decide, sign, register; and try a switch before making it.

Steps of the issue are numbered; tests/faults kills the process after each. What a certificate will say is stored with the
decision, before anything is signed, and the same content is always signed to the same bytes: a crash leaves nothing or all,
and whoever goes on gets the certificate that would have been.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exchange.core.applications import (
    CERTIFICATES_TOO_MANY,
    CHALLENGE_LIFE,
    MAX_IN_FORCE,
    NO_AUTHORITY,
    Application,
    ApplicationId,
    ApplicationState,
    Decision,
    Form,
    Issue,
    Terms,
    application_id,
    check_reason,
    complete_approval,
    decide,
    withdraw,
)
from exchange.core.audit import Author
from exchange.core.judging import Judging
from exchange.core.model import Party, PartyId
from exchange.core.ports import Authority, Clock, Entropy, Progress, Store
from exchange.core.proving import Renewal, Shown, check_renewal, check_shown, in_words, require_all
from exchange.errors import NOT_FOUND
from trust_store.certificate import Certificate, load_many
from trust_store.enrol import Holder, fit_name, issue
from trust_store.enrol_request import examine, key_print, read_request
from trust_store.errors import Refused
from trust_store.keys import KeyHolder
from trust_store.verdict import Check, Verdict

SERIAL_BYTES: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Say who asks: for which party, by which actor, and with what: a one-time code (its id), a certificate (SHA-256)."""

    party: Party
    actor: str
    code: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Take applications, let people decide on them, and issue or register what was approved. `code` is the hub's own."""

    store: Store
    clock: Clock
    entropy: Entropy
    judging: Judging
    progress: Progress
    authority: Authority
    terms: Terms
    code: str

    async def request(self, asker: Applicant, data: bytes, renewal: Renewal | None = None) -> Application:
        """Take a request (PKCS#10) on; the same again gives the same application, whatever became of it.

        With a renewal as many must approve as the setting for renewals says; when that is nobody, the certificate is there at
        once.

        Raises:
            Refused: `csr-…` for what the request is; `application-…`, `applications-too-many`, `certificates-too-many`,
                `authority-missing`, or what is wrong with the certificate that renews itself.
        """
        request, at = read_request(data), self.clock.now()
        checks = require_all(examine(request, self.judging.policy, at, asker.party.identity))
        if renewal is not None:
            checks += await self._renewing(asker, renewal, request.digest)
        renews = renewal.certificate if renewal else ""
        application = Application(
            id=application_id(asker.party.id, request.digest),
            party=asker.party.id,
            form=Form.ISSUE,
            digest=request.digest,
            content=request.der,
            subject=request.subject,
            key=f"{request.key.algorithm} {request.key.bits}",
            key_print=request.key_print,
            asked_by=asker.actor,
            asked_at=at,
            needed=self._needed(renews),
            checks=checks,
            renews=renews,
            code=asker.code,
        )
        return await self._take_on(application, asker)

    async def register(self, asker: Applicant, data: bytes, shown: Shown) -> Application:
        """Take on that a certificate from elsewhere (PEM, its authorities behind it) be registered.

        Raises:
            Refused: `proof-…`; the reason of the first check of the judge that failed; `application-…` and the like.
        """
        certificates, at = load_many(data), self.clock.now()
        certificate = certificates[0]
        possession = check_shown(shown, certificate, self.code, asker.party.id)
        verdict = await self._judge(certificates, asker.party, registered=True)
        verdict.require()
        challenge = hashlib.sha256(shown.challenge.encode()).digest()
        application = Application(
            id=application_id(asker.party.id, f"{certificate.fingerprint} {challenge.hex()}"),
            party=asker.party.id,
            form=Form.REGISTER,
            digest=certificate.fingerprint,
            content=b"".join(each.pem for each in certificates),
            subject=certificate.subject,
            key=f"{certificate.key.algorithm} {certificate.key.bits}",
            key_print=key_print(certificate.public_key),
            asked_by=asker.actor,
            asked_at=at,
            needed=self.terms.approvals,
            checks=in_words((possession, *verdict.checks)),
            code=asker.code,
        )
        return await self._take_on(application, asker, challenge)

    async def challenge(self, party: PartyId) -> tuple[str, datetime]:
        """Give a party something to sign that was never signed before; return it, and until when it serves."""
        text, now = self.entropy.draw(24).hex(), self.clock.now()
        until = now + CHALLENGE_LIFE
        await self.store.enrolments.challenge(party, hashlib.sha256(text.encode()).digest(), until, now)
        return text, until

    async def approve(self, key: ApplicationId, person: str, by: Author) -> Application:
        """Approve for one person; when enough persons did, the certificate is issued or registered.

        Raises:
            Refused: `not-found`, `application-closed`, `party-suspended`, `authority-missing`, or what is wrong by now with a
                certificate from elsewhere, or with the one that asked for its successor.
        """
        await self._reconsider(await self.find(key))
        decision = Decision(person=person, by=by.actor, at=by.at, approves=True)
        serial = draw_serial(self.entropy)

        def change(application: Application, party: Party | None) -> Application:
            return decide(application, decision, self._needed(application.renews), party, fixed)

        # 1 decide: the decision, and what will be signed if it was the last one needed. A crash before leaves nothing.
        fixed = self._issue(serial, await self._party(key))
        application = await self.store.enrolments.change(key, change, by)
        self.progress.passed("enrol.1-decide")
        return await self.finish(application, by)

    async def refuse(self, key: ApplicationId, person: str, why: str, by: Author) -> Application:
        """Refuse for everybody; the party reads the reason. Raises `Refused`: not-found, application-closed."""
        decision = Decision(person=person, by=by.actor, at=by.at, approves=False, why=check_reason(why))
        blank = Issue(serial=1, begins=by.at, days=1, name="")
        return await self.store.enrolments.change(
            key, lambda application, party: decide(application, decision, 0, party, blank), by
        )

    async def withdraw(self, key: ApplicationId, by: Author) -> Application:
        """Withdraw what is pending. Raises `Refused`: not-found, application-closed."""
        return await self.store.enrolments.change(key, lambda application, _party: withdraw(application), by)

    async def finish(self, application: Application, by: Author) -> Application:
        """Do what an approved application still needs; nothing for every other one."""
        if application.state is not ApplicationState.APPROVED:
            return application

        # 2 sign: what was stored, so any number of times the same. A crash leaves an approved application; the sweep, a
        #   repeated approval, or the party's own repetition goes on.
        certificate = await self._certificate(application)
        self.progress.passed("enrol.2-sign")

        # 3 register: certificate, state and audit in one transaction. A crash after it leaves everything.
        completed = await self.store.enrolments.complete(application.id, certificate, by)
        self.progress.passed("enrol.3-register")
        return completed

    async def finish_all(self) -> Sequence[tuple[ApplicationId, Refused]]:
        """Finish what a crash left approved; return what could not be, and why."""
        failed = []
        for application in await self.store.enrolments.page(ApplicationState.APPROVED, "", 200):
            try:
                await self.finish(application, Author(actor="hub", at=self.clock.now()))
            except Refused as refusal:
                failed.append((application.id, refusal))
        return failed

    async def find(self, key: ApplicationId) -> Application:
        """Return an application. Raises `Refused` (not-found)."""
        found = await self.store.enrolments.get(key)
        if found is None:
            raise Refused(NOT_FOUND, "There is no such application")
        return found

    async def certificate_of(self, application: Application) -> tuple[Certificate, ...]:
        """Return what came of an application, with the authorities above it; nothing when nothing did."""
        if not application.certificate:
            return ()
        known = await self.store.registry.certificates(application.party)
        found = tuple(each for each in known if each.fingerprint == application.certificate)
        if application.form is Form.REGISTER or not found:
            return found
        return (*found, *self.authority.certificates())

    async def _take_on(self, application: Application, asker: Applicant, challenge: bytes = b"") -> Application:
        certificates = await self.store.registry.certificates(asker.party.id)
        in_force = [each for each in certificates if each.not_after >= application.asked_at]
        if len(in_force) >= MAX_IN_FORCE and await self.store.enrolments.get(application.id) is None:
            raise Refused(CERTIFICATES_TOO_MANY, f"{asker.party.id} has {len(in_force)} certificates in force")
        if application.needed == 0:
            fixed = self._issue(draw_serial(self.entropy), asker.party)
            application = complete_approval(application, 0, fixed)
        if application.form is Form.ISSUE and await self.store.enrolments.get(application.id) is None:
            self._authority()
        by = Author(actor=asker.actor, at=application.asked_at)
        return await self.finish(await self.store.enrolments.apply(application, by, challenge), by)

    async def _renewing(self, asker: Applicant, renewal: Renewal, request: str) -> tuple[Check, ...]:
        authorities = self.authority.certificates()
        known = await self.store.registry.certificates(asker.party.id)
        shown = asker.certificate
        certificate, possession = check_renewal(
            renewal, known, shown, authorities[0], self.code, asker.party.id, request
        )
        verdict = await self._judge((certificate, *authorities[:2]), asker.party)
        verdict.require()
        return in_words((possession, *verdict.checks))

    async def _reconsider(self, application: Application) -> None:
        """Look again at what may have changed since an application was made."""
        if application.form is Form.ISSUE:
            self._authority()
        party = await self.store.directory.get(application.party)
        if party is None or application.state is not ApplicationState.PENDING:
            return
        if application.form is Form.REGISTER:
            (await self._judge(load_many(application.content), party, registered=True)).require()
        elif application.renews:
            # Fewer approve a renewal because a certificate that is believed asked for it; one that was stolen is not.
            known = await self.store.registry.certificates(party.id)
            asking = tuple(each for each in known if each.fingerprint == application.renews)
            (await self._judge((*asking, *self.authority.certificates()[:2]), party)).require()

    async def _judge(self, chain: Sequence[Certificate], party: Party, *, registered: bool = False) -> Verdict:
        """Judge as letters are judged; `registered`: as if the certificate were registered for the party already."""
        own = {each.fingerprint for each in chain[:1] if registered}
        identity = dataclasses.replace(party.identity, fingerprints=party.identity.fingerprints | own)
        return await self.judging.judge(chain, identity, self.clock.now())

    async def _party(self, key: ApplicationId) -> Party:
        application = await self.find(key)
        party = await self.store.directory.get(application.party)
        if party is None:
            raise Refused(NOT_FOUND, "There is no such party")
        return party

    def _authority(self) -> KeyHolder:
        holder = self.authority.holder()
        if holder.certificate.not_after <= self.clock.now():
            raise Refused(NO_AUTHORITY, f"The authority of this hub ended at {holder.certificate.not_after:%Y-%m-%d}")
        return holder

    def _needed(self, renews: str) -> int:
        return self.terms.renewal_approvals if renews else self.terms.approvals

    def _issue(self, serial: int, party: Party) -> Issue:
        begins = self.clock.now().replace(microsecond=0)
        return Issue(serial=serial, begins=begins, days=self.terms.days, name=fit_name(party.name))

    async def _certificate(self, application: Application) -> Certificate:
        """Sign, exactly as fixed; a certificate from elsewhere is there already."""
        if application.form is Form.REGISTER:
            return load_many(application.content)[0]
        party, fixed = await self._party(application.id), application.issue
        if fixed is None:
            raise Refused(NOT_FOUND, "What would be signed is not known")
        holder = Holder(kind=party.kind, common_name=fixed.name, organisation=fixed.name, code=party.id)
        key, authority = read_request(application.content).public_key, self._authority()
        return issue(authority, holder, key, serial=fixed.serial, at=fixed.begins, days=fixed.days)


def draw_serial(entropy: Entropy) -> int:
    """Draw a serial number for a certificate: positive, 152 random bits at most (RFC 5280, 4.1.2.2)."""
    return int.from_bytes(entropy.draw(SERIAL_BYTES)) or 1
