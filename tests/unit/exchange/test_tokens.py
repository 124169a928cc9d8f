"""Tokens are unguessable, kept as digests only, and speak for one active party, or the hub itself, until they end."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from envelopes.receipt import Actor
from exchange.auth.permissions import PERMISSIONS, Action, permit, scopes_for
from exchange.auth.principal import Credentials, authenticate
from exchange.auth.tokens import PREFIX, check_scopes, create, digest, issue, rotate
from exchange.core.access import HUB_SCOPES, MAY_HAVE, PARTY_SCOPES, Scope, Token
from exchange.core.audit import Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.machine import SystemEntropy
from trust_store.errors import Refused
from trust_store.identity import PartyKind

AT = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
BY = Author(actor="test", at=AT)
HUB = Actor(code="000.00.99.H56", name="Trục")
PARTY = Party(id=PartyId("1"), name="Sở Tài chính", kind=PartyKind.AGENCY, codes=frozenset({"1"}))


class Still:
    """Stand still at one moment."""

    def now(self) -> datetime:
        return AT


class Zeros:
    """Give zeros, so that a token can be foretold."""

    def draw(self, count: int) -> bytes:
        return bytes(count)


@dataclass
class Kept:
    """Know tokens by their digests, and parties by their ids."""

    parties: dict[str, Party] = field(default_factory=dict)
    known: dict[bytes, Token] = field(default_factory=dict)

    async def holder(self, token_digest: bytes, now: datetime):
        assert now == AT
        token = self.known.get(token_digest)
        return (token, self.parties.get(token.party)) if token else None

    async def add(self, token: Token, kept: bytes, by: Author) -> None:
        self.known[kept] = token

    async def rotate(self, old: Token, new: Token, kept: bytes, until: datetime, by: Author) -> Token:
        self.known[kept] = new
        return replace(old, expires_at=min(old.expires_at, until))


@pytest.fixture
def kept() -> Kept:
    return Kept(parties={PARTY.id: PARTY})


async def _issue(kept, party="1", scopes=PARTY_SCOPES, label="a", lifetime=DAY):
    return await issue(
        kept, SystemEntropy(), BY, party=PartyId(party), label=label, scopes=frozenset(scopes), lifetime=lifetime
    )


async def _ask(kept, header):
    store = SimpleNamespace(tokens=kept)
    return await authenticate(Credentials(authorization=header), store, Still(), HUB)


def test_a_token_has_256_bits_in_letters_that_need_no_quoting() -> None:
    token, kept = create(Zeros())
    assert token == PREFIX + "A" * 43
    assert kept == digest(token) == hashlib.sha256(token.encode()).digest()


def test_tokens_differ() -> None:
    tokens = {create(SystemEntropy())[0] for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum() for token in tokens)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
async def test_a_known_token_speaks_for_its_party(kept, form: str) -> None:
    secret, token = await _issue(kept, scopes={Scope.READ})
    principal = await _ask(kept, form.format(secret))
    assert (principal.party, principal.scopes, principal.token) == (PARTY, {Scope.READ}, token)
    assert (principal.credential, principal.label) == (f"token {token.id}", "a")
    assert not principal.administers
    assert secret not in principal.actor


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {}x", "Bearer \udcff", "Bearer x {}", "Bearer\t{}"]
)
async def test_everything_else_speaks_for_nobody(kept, header: str) -> None:
    secret, _ = await _issue(kept)
    with pytest.raises(Refused) as refusal:
        await _ask(kept, header.format(secret))
    assert refusal.value.reason.code == "unauthenticated"
    assert secret not in str(refusal.value)


async def test_a_suspended_party_is_told_so(kept) -> None:
    secret, _ = await _issue(kept)
    kept.parties[PARTY.id] = replace(PARTY, status=PartyStatus.SUSPENDED)
    with pytest.raises(Refused) as refusal:
        await _ask(kept, f"Bearer {secret}")
    assert refusal.value.reason.code == "party-suspended"


async def test_a_token_of_a_party_that_is_gone_speaks_for_nobody(kept) -> None:
    secret, _ = await _issue(kept, "2")
    with pytest.raises(Refused) as refusal:
        await _ask(kept, f"Bearer {secret}")
    assert refusal.value.reason.code == "unauthenticated"


async def test_a_token_of_the_hubs_own_code_speaks_for_the_hub(kept) -> None:
    secret, _ = await _issue(kept, HUB.code, {Scope.ADMINISTER})
    principal = await _ask(kept, f"Bearer {secret}")
    assert (principal.party.id, principal.party.name, principal.administers) == (HUB.code, HUB.name, True)


async def test_scopes_that_a_holder_cannot_have_open_nothing(kept) -> None:
    """Also not when the table of tokens says so."""
    secret, token = await _issue(kept)
    kept.known[digest(secret)] = replace(token, scopes=frozenset(Scope))
    assert (await _ask(kept, f"Bearer {secret}")).scopes == MAY_HAVE
    kept.known[digest(secret)] = replace(token, scopes=frozenset(Scope), party=PartyId(HUB.code))
    assert (await _ask(kept, f"Bearer {secret}")).scopes == HUB_SCOPES


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("token-scope", {"scopes": set()}),
        ("token-scope", {"scopes": {Scope.SEND, Scope.ADMINISTER}}),
        ("token-lifetime", {"lifetime": timedelta(minutes=59)}),
        ("token-lifetime", {"lifetime": timedelta(days=731)}),
        ("token-lifetime", {"lifetime": -DAY}),
        ("request-malformed", {"label": ""}),
        ("request-malformed", {"label": "x" * 101}),
        ("request-malformed", {"label": "a\nb"}),
    ],
)
async def test_a_token_that_may_not_be_is_not_made(kept, code, change) -> None:
    with pytest.raises(Refused) as refusal:
        await _issue(kept, **change)
    assert refusal.value.reason.code == code
    assert kept.known == {}


def test_parties_and_the_hubs_people_have_their_own_scopes() -> None:
    check_scopes(PARTY_SCOPES, PartyId("1"), HUB)
    check_scopes(HUB_SCOPES, PartyId(HUB.code), HUB)
    check_scopes(frozenset({Scope.ADMINISTER}), PartyId(HUB.code), HUB, frozenset({Scope.ADMINISTER}))
    for scopes, party, held in (
        ({Scope.ADMINISTER}, "1", HUB_SCOPES),
        ({Scope.AUDIT}, "1", HUB_SCOPES),
        ({Scope.READ}, HUB.code, HUB_SCOPES),
        ({Scope.AUDIT}, HUB.code, {Scope.ADMINISTER}),
    ):
        with pytest.raises(Refused) as refusal:
            check_scopes(frozenset(scopes), PartyId(party), HUB, frozenset(held))
        assert refusal.value.reason.code == "token-scope"


async def test_rotation_keeps_scopes_label_and_length_of_life(kept) -> None:
    _, old = await _issue(kept, scopes={Scope.SEND}, lifetime=30 * DAY)
    old = replace(old, created_at=AT - 20 * DAY, expires_at=AT + 10 * DAY)
    secret, new, ending = await rotate(kept, SystemEntropy(), BY, old)
    assert (new.scopes, new.label, new.created_at, new.expires_at) == (old.scopes, "a", AT, AT + 30 * DAY)
    assert ending.expires_at == AT + timedelta(hours=24)
    assert new.id == digest(secret).hex()[:12] != old.id
    _, again, _ = await rotate(kept, SystemEntropy(), BY, ending)
    assert again.expires_at == AT + 30 * DAY, "an answer that was lost costs nothing"
    for overlap in (timedelta(seconds=-1), timedelta(days=7, seconds=1)):
        with pytest.raises(Refused):
            await rotate(kept, SystemEntropy(), BY, old, overlap)


def test_every_action_is_allowed_to_somebody_and_every_scope_opens_something() -> None:
    assert all(scopes_for(action) for action in Action)
    assert {item.actor for item in PERMISSIONS} == set(Scope)
    assert len({(item.actor, item.action) for item in PERMISSIONS}) == len(PERMISSIONS)
    assert scopes_for(Action.SUBMIT) == {Scope.SEND}
    assert scopes_for(Action.TAKE) == {Scope.RECEIVE}
    assert scopes_for(Action.ADMINISTER) == {Scope.ADMINISTER}
    assert scopes_for(Action.AUDIT) == {Scope.AUDIT}


async def test_a_refusal_names_the_scope_that_is_missing(kept) -> None:
    secret, _ = await _issue(kept, scopes={Scope.READ})
    principal = await _ask(kept, f"Bearer {secret}")
    permit(principal, Action.LOOK)
    with pytest.raises(Refused, match="needs the scope send; .* has read") as refusal:
        permit(principal, Action.SUBMIT)
    assert refusal.value.reason.code == "forbidden"


@pytest.fixture
def hub(office, tmp_path):
    """Copy a hub that nobody serves."""
    shutil.copytree(office.unused, tmp_path / "hub")
    return tmp_path / "hub"


def test_the_command_line_makes_lists_rotates_and_revokes_tokens(office, hub) -> None:
    made = office.run(
        "token", "create", "--dir", hub, "--scope", "read", "--label", "kho", "--days", 30, "H56.12"
    ).stdout
    secret = made.strip()
    assert re.fullmatch(r"cv_[\w-]{43}", secret)
    key = digest(secret).hex()[:12]
    rotated = office.run("token", "rotate", "--dir", hub, "--overlap-hours", 1, key)
    new = digest(rotated.stdout.strip()).hex()[:12]
    assert new in rotated.stderr
    assert new in office.run("token", "revoke", "--dir", hub, new).stdout
    listed = office.run("token", "list", "--dir", hub, office.environment).stdout
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in listed.splitlines()}
    assert lines[key][0] == lines[new][0] == "read"
    assert lines[key][-1] == "kho"
    assert "revoked" in lines[new][2]
    assert "revoked" not in lines[key][2]
    assert "cv_" not in listed


def test_the_command_line_makes_administrators_and_auditors_of_the_hub_only(office, hub) -> None:
    own = ("token", "create", "--dir", hub, HUB.code, "--scope")
    assert office.run(*own, "administer").stdout.startswith("cv_")
    assert office.fail(*own, "send").startswith("token-scope:")
    assert office.fail("token", "create", "--dir", hub, HUB.code).startswith("token-scope:")
    assert office.fail("token", "create", "--dir", hub, "--scope", "audit", office.lam_son).startswith("token-scope:")
    assert office.fail("token", "create", "--dir", hub, "nobody").startswith("not-found:")
    assert office.fail("token", "revoke", "--dir", hub, "000000000000").startswith("not-found:")


def test_the_command_line_shows_verifies_and_exports_the_trail(office, hub, tmp_path) -> None:
    office.run("party", "suspend", "--dir", hub, office.lam_son)
    shown = office.run("audit", "list", "--dir", hub).stdout.splitlines()
    columns = [line.split("\t") for line in shown]
    assert [int(line[0]) for line in columns] == list(range(1, len(columns) + 1))
    assert columns[0][2] == "hub-founded"
    assert columns[-1][2:5:2] == ["party-suspended", office.lam_son]
    assert columns[-1][3].startswith("operator ")
    number, noted = office.run("audit", "verify", "--dir", hub).stdout.split()
    assert int(number) == len(columns)
    assert office.run("audit", "verify", "--dir", hub, "--expect", noted).stdout.split()[0] == number
    assert office.fail("audit", "verify", "--dir", hub, "--expect", "ab" * 32).startswith("audit-shortened:")
    office.run("audit", "verify", "--dir", hub, "--expect", "ab", code=2)
    office.run("audit", "export", "--dir", hub, "--after", 1, "--out", tmp_path / "trail.jsonl")
    lines = (tmp_path / "trail.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == len(columns) - 1
    assert f'"digest":"{noted}"' in lines[-1]
    assert (tmp_path / "trail.jsonl").stat().st_mode & 0o077 == 0
