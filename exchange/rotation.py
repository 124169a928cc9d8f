"""Change the key that the hub signs with: the next one is made or taken, tried, and announced before it is used.

A kill at any moment leaves the hub with the key that it had, or with both; `tests/faults/test_rotation.py` kills it there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from envelopes import xml
from envelopes.signature.sign import sign
from envelopes.signature.verify import Place, verify
from exchange.config import Home
from exchange.core.keys import LEAD, TOO_SOON, HubKey
from exchange.core.ports import Progress
from exchange.founding import authority_of, certify, write_secret
from exchange.keys.opening import open_bare
from exchange.keys.ring import hub_secret, open_place
from exchange.operation.manifest import flush_folder
from exchange.running import Exchange
from trust_store.certificate import Certificate, load_many
from trust_store.enrol import new_key
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.identity import may_issue_evidence
from trust_store.judge import judge
from trust_store.key_names import is_device
from trust_store.keys import HeldKey, KeyHolder, PrivateKey, write_key
from trust_store.policy import Policy

_PROBE = b'<Probe xmlns="urn:congvan:probe"/>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Say which key comes next: one to be made, or the one with a `name`, and with `certificates` (PEM) from elsewhere."""

    since: datetime | None = None
    name: str = ""
    certificates: bytes | None = None


async def rotate(exchange: Exchange, wanted: Wanted, progress: Progress) -> HubKey:
    """Announce the key that signs next. The same named key again changes nothing.

    Raises:
        Refused: the key cannot be used, its certificate is not that of this hub, it would sign too soon, or another one is
            announced.
    """
    by = exchange.author()
    _begin(wanted, by.at)
    place = _place(exchange.home, wanted.name)
    for known in await exchange.hub_keys.known():
        if known.place == place and known.retired_at is None:
            return known
    private = open_bare(wanted.name, secret=hub_secret(exchange.home, exchange.settings)) if wanted.name else new_key()
    chain = _certificates(exchange, private, wanted, by.at)
    place = place or f"keys/hub-{chain[0].fingerprint[:16]}.key.pem"

    # 1 write: a key that was made is safe on the disk. A crash leaves a file that nobody uses; the doctor names it.
    if not wanted.name:
        write_secret(exchange.home.folder / place, write_key(HeldKey(certificate=chain[0], private_key=private)))
        flush_folder(exchange.home.keys)
    progress.passed("rotate.1-write")

    # 2 try: the key is opened as the hub will open it, and signs. A crash leaves the same.
    key = HubKey(certificate=chain[0], chain=chain[1:], place=place, since=_begin(wanted, by.at))
    try_key(exchange, key)
    progress.passed("rotate.2-try")

    # 3 announce: every process knows it before it signs. A crash leaves a key that is announced; asked again, it is named.
    by = exchange.author()
    key = replace(key, since=_begin(wanted, by.at))
    await exchange.hub_keys.announce(key, by)
    progress.passed("rotate.3-announce")
    return key


def _begin(wanted: Wanted, at: datetime) -> datetime:
    """Say from when on the key signs that is announced at a moment; trying it may have taken its time."""
    since = wanted.since or at + 2 * LEAD
    if since < at + LEAD:
        raise Refused(TOO_SOON, f"{since:%Y-%m-%d %H:%M:%S} UTC")
    return since


def try_key(exchange: Exchange, key: HubKey) -> KeyHolder:
    """Open a key as the hub does, sign with it, and verify that as anybody would who has the hub's trust anchor.

    Raises:
        Refused: something of this fails.
    """
    pem = b"".join(each.pem for each in (key.certificate, *key.chain))
    holder = open_place(exchange.home, exchange.settings, key.place, pem)
    signed = verify(xml.parse(sign(_PROBE, holder)), Place.ROOT_CHILD)
    evidence = Evidence(anchors=load_many(exchange.home.anchor.read_bytes()), intermediates=key.chain)
    judge(signed.chain, evidence, Policy(), max(key.since, exchange.hub.clock.now())).require()
    issuer = may_issue_evidence(signed.chain[0])
    if issuer.reason is not None:
        raise Refused(issuer.reason, issuer.text)
    return holder


def _place(home: Home, name: str) -> str:
    """Name a key as the hub finds it: in its own folder from there, elsewhere by the whole path."""
    if not name or is_device(name):
        return name
    path, folder = Path(name).resolve(), home.folder.resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _certificates(exchange: Exchange, private: PrivateKey, wanted: Wanted, at: datetime) -> tuple[Certificate, ...]:
    """Give the certificates that were given, or have the hub's authority issue one."""
    if wanted.certificates:
        return load_many(wanted.certificates)
    authority, settings = authority_of(exchange.home), exchange.settings
    now = at.replace(microsecond=0)
    issued = certify(authority, private, name=settings.name, code=settings.code, at=now, entropy=exchange.entropy)
    return issued, authority.certificate, *authority.chain
