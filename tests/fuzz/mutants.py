"""A million mutants of signed letters on demand: `make mutants MUTANTS=1000000`.

What is accepted must have the same canonical content as the original, and give the same envelope. Every mutant is made by
dice of its own, from its number; workers that hang are killed, and whatever breaks the rule is written out whole.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from functools import cache

from lxml import etree

from envelopes.opened import Envelope, Opened, open_signed
from envelopes.signature.algorithms import C14N_10, C14N_11, CANONICALIZATIONS, ENVELOPED, EXCLUSIVE
from envelopes.signature.detached import to_uris
from tests.forging.keys import attacker, signer
from tests.forging.letters import DS, accept_opened, digests_beside, notice, unsigned, write
from tests.forging.signing import (
    PROPERTIES,
    PSS,
    Plan,
    Ref,
    canonical,
    forge,
    sign_octets,
    text,
    transform,
    xades,
)
from tests.fuzz import mutation, spelling, tampering
from trust_store.errors import Refused
from trust_store.keys import KeyHolder

SEED = 20261123
TREE_CHANGES = (*mutation.CHANGES, *tampering.CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Hold a signed document, how its content is canonicalised, and who signed it."""

    name: str
    data: bytes
    canonicalization: str
    holder: KeyHolder
    whole: bool = True
    """Whether its Reference covers what stands around the root, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """Hold a changed document, what it was made of, and by which changes."""

    number: int
    base: Base
    changes: tuple[str, ...]
    data: bytes


def content_by(algorithm: str, uri: str = "") -> Ref:
    return Ref(uri=uri, transforms=transform(ENVELOPED) + transform(algorithm))


@cache
def bases() -> tuple[Base, ...]:
    """Sign letters in the forms that the profile knows: each canonicalisation, kind of key and place of the rules."""
    made = []

    def add(name: str, document: bytes, plan: Plan, algorithm: str = EXCLUSIVE, *, whole: bool = True) -> None:
        data = forge(document, plan)
        made.append(Base(name=name, data=data, canonicalization=algorithm, holder=plan.holder, whole=whole))

    def inclusive(algorithm: str) -> tuple[Ref, ...]:
        return (content_by(algorithm),)

    p256, rsa, p384, edwards = signer(), signer("rsa"), signer("p384"), signer("ed25519")
    add("as we sign", unsigned(), Plan())
    add(
        "inclusive, RSA", unsigned(), Plan(holder=rsa, canonicalization=C14N_10, references=inclusive(C14N_10)), C14N_10
    )
    add(
        "C14N 1.1, P-384",
        unsigned(),
        Plan(holder=p384, canonicalization=C14N_11, references=inclusive(C14N_11)),
        C14N_11,
    )
    add("PSS, ds as default namespace", unsigned(), Plan(holder=rsa, method=PSS + "sha256-rsa-MGF1", bare=True))
    identified = unsigned().replace(b"<edXML ", b'<edXML Id="doc" ', 1)
    add("by Id, Ed25519", identified, Plan(holder=edwards, references=(content_by(EXCLUSIVE, "#doc"),)), whole=False)
    add("XAdES", unsigned(), Plan(id="sig", references=(Ref(), PROPERTIES), objects=xades(p256)))
    files = [Ref(uri=uri, transforms="", octets=bytes([n])) for n, (uri, _) in enumerate(to_uris(digests_beside(3)))]
    add("three files beside", unsigned(beside=3), Plan(references=(Ref(), *files)))
    add("a notice", notice(), Plan())
    return tuple(made)


def make(number: int, seed: int = SEED) -> Mutant:
    """Make the mutant of a number: changes of the tree, perhaps a new signature, changes of the bytes."""
    dice = random.Random(seed << 32 | number)
    base = dice.choice(bases())
    changes: list[str] = []
    data = base.data
    trees = dice.choice([0, 1, 1, 2, 2, 3])
    if trees:
        root = etree.fromstring(data)
        for _ in range(trees):
            change = dice.choice(TREE_CHANGES)
            change(dice, root, list(root.iter(etree.Element)))
            changes.append(change.__name__)
        if dice.random() < 0.2:
            changes.append(sign_again(dice, root, base))
        data = write(root)
    for _ in range(dice.choice([0, 0, 1, 2]) if trees else dice.choice([1, 1, 2, 3])):
        spell = dice.choice(spelling.CHANGES)
        data = spell(dice, data)
        changes.append(spell.__name__)
    return Mutant(number=number, base=base, changes=tuple(changes), data=data)


def sign_again(dice: random.Random, root: etree._Element, base: Base) -> str:
    """Sign the changed SignedInfo: by the genuine key, whose digests stay those of the original, or by an attacker's.

    Where files beside the letter are named the genuine key does not sign: their digests are content themselves.
    """
    beside = any(reference.get("URI", "").startswith("cid:") for reference in root.iter(DS + "Reference"))
    genuine = dice.random() < 0.7 and not beside
    holder = base.holder if genuine else attacker()
    for made in list(root.iter(DS + "Signature"))[:1]:
        info, method = made.find(DS + "SignedInfo"), made.find(f"{DS}SignedInfo/{DS}SignatureMethod")
        value = made.find(DS + "SignatureValue")
        if info is None or method is None or value is None:
            continue
        declared = info.find(DS + "CanonicalizationMethod")
        algorithm = "" if declared is None else declared.get("Algorithm", "")
        try:
            octets = canonical(info, algorithm)
        except (Refused, etree.LxmlError):
            continue
        text(made, "SignatureValue", sign_octets(holder, method.get("Algorithm", ""), octets))
    return "signed again by the genuine key" if genuine else "signed again by an attacker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Hold what must stay the same: the octets that the signature covers, canonical by its own rule, and the envelope."""

    octets: bytes
    values: tuple[object, ...]


def content(data: bytes, base: Base) -> Content:
    """Take a document on as the hub does, and give what it says.

    Raises:
        Refused: the hub would not take it.
    """
    opened = open_signed(data)
    envelope = accept_opened(opened)
    return Content(octets=octets_of(opened, base, declared(data)), values=values(opened, envelope))


def declared(data: bytes) -> str:
    """Tell by which canonicalisation the signature of a document covers its content."""
    root = etree.fromstring(data)
    algorithms = [node.get("Algorithm", "") for node in next(root.iter(DS + "Reference")).iter(DS + "Transform")]
    return next((each for each in reversed(algorithms) if each in CANONICALIZATIONS), C14N_10)


def octets_of(opened: Opened, base: Base, algorithm: str) -> bytes:
    root = opened._root
    what = root.getroottree() if base.whole else root
    return bytes(etree.tostring(what, method="c14n", exclusive=algorithm == EXCLUSIVE, with_comments=False))


def values(opened: Opened, envelope: Envelope) -> tuple[object, ...]:
    """Give what an envelope says; a certificate is named by what its issuer signed, as revocations name it."""
    signer_of = opened.chain[0].signed_part
    return (
        envelope.message,
        envelope.detached,
        envelope.claimed_time,
        envelope.signature_class,
        signer_of,
        envelope.verdict.codes,
    )


@cache
def originals() -> dict[str, frozenset[Content]]:
    """Give what may be read of each base: what was signed there, or what the signer signed elsewhere and was put in whole."""
    elsewhere = [data for data in tampering.donors() if not _is_attackers(data)]
    return {base.name: frozenset(content(data, base) for data in (base.data, *elsewhere)) for base in bases()}


def _is_attackers(data: bytes) -> bool:
    return open_signed(data).chain[0].fingerprint == attacker().certificate.fingerprint


def judge_mutant(mutant: Mutant) -> str:
    """Say how the hub answers a mutant: the code of a reason, or `accepted`, which must mean the same content."""
    try:
        found = content(mutant.data, mutant.base)
    except Refused as refusal:
        return refusal.reason.code
    assert found in originals()[mutant.base.name], "accepted with another content"
    return "accepted"


def describe(mutant: Mutant) -> str:
    """Name a mutant, its changes, and its bytes, so that it can be tried again whatever the keys were."""
    made = ", ".join(mutant.changes)
    return f"mutant {mutant.number} of {mutant.base.name!r} by {made}:\n{base64.b64encode(mutant.data).decode()}"
