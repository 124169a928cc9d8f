"""Changes of a signed letter that an attacker would make: Id games, grafts from other letters, other keys, other values."""

from __future__ import annotations

import base64
import random
from copy import deepcopy

from lxml import etree

from tests.forging.keys import attacker, genuine, signer
from tests.forging.letters import DS, Q, bury, unsigned
from tests.forging.signing import Plan, detach, forge
from tests.fuzz.mutation import IDS, Change, Node, put, within


def identify(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    """Point a Reference at an Id that the root, another element, or both carry."""
    for target in (root, within(dice, nodes)):
        if dice.random() < 0.7:
            target.set(dice.choice(IDS), dice.choice(["doc", "a"]))
    for reference in root.iter(DS + "Reference"):
        if dice.random() < 0.5:
            reference.set("URI", dice.choice(["#doc", "#a"]))


def relocate(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    for signature in list(root.iter(DS + "Signature"))[:1]:
        put(dice, dice.choice(nodes), signature)


def graft(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    """Take a piece of another letter, the signer's or the attacker's, in place of the same piece or into anything."""
    donor = etree.fromstring(dice.choice(donors()))
    pieces = [node for node in donor.iter(etree.Element) if node is not donor]
    piece = dice.choice(pieces)
    same = [node for node in nodes if node.tag == piece.tag and node is not root]
    if same and dice.random() < 0.7:
        old = dice.choice(same)
        parent = old.getparent()
        if parent is not None:
            piece.tail = old.tail
            parent.replace(old, piece)
    else:
        put(dice, within(dice, nodes), piece)


_DONORS: list[bytes] = []


def donors() -> list[bytes]:
    if not _DONORS:
        other = unsigned(subject="V/v chuyển tiền")
        _DONORS.extend(forge(other, Plan(holder=holder)) for holder in (attacker(), signer(), signer("rsa")))
    return _DONORS


def enclose(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    """Hide a copy of the whole letter, signed as it is, in the signature or in the letter, and change the letter itself."""
    original = deepcopy(root)
    if dice.random() < 0.5:
        for inside in list(original.iter(DS + "Signature")):
            detach(inside)
    holder = etree.Element(dice.choice([DS + "Object", Q + "Attachment", "Wrapper"]))
    holder.append(bury(original))
    put(dice, within(dice, nodes), holder)
    for subject in list(root.iter(Q + "Subject"))[:1]:
        subject.text = "V/v chuyển tiền"


def damage_base64(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    wanted = {DS + "DigestValue", DS + "SignatureValue", DS + "X509Certificate"}
    node = dice.choice([node for node in nodes if node.tag in wanted] or nodes)
    text = node.text or ""
    at = dice.randrange(len(text) + 1)
    noise = dice.choice([" ", "\n", "\t", "!", "-", "=", "\u00a0", "\u2028", "AAAA", text[at : at + 1]])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    kind = dice.randrange(4)
    if kind == 0:
        node.text = text[:at] + noise + text[at:]
    elif kind == 1:
        node.text = text[:at] + dice.choice(alphabet) + text[at + 1 :]
    elif kind == 2 and text.endswith("="):
        body = text.rstrip("=")
        node.text = body[:-1] + dice.choice(alphabet) + "=" * (len(text) - len(body))
    else:
        malleate(dice, root)


def malleate(dice: random.Random, root: Node) -> None:
    """Write an ECDSA value as n - s, in other lengths, or with zero octets around it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for node in list(root.iter(DS + "SignatureValue"))[:1]:
        try:
            value = base64.b64decode(node.text or "")
        except ValueError:
            return
        half = len(value) // 2
        r, s = value[:half], int.from_bytes(value[half:])
        other = r + ((order - s) % order).to_bytes(32) if half == 32 else value
        padded = b"\0" + r + b"\0" + value[half:]
        node.text = base64.b64encode(
            dice.choice([other, other, padded, b"\0" + value, value + b"\0", value[1:], bytes(len(value))])
        ).decode()


def change_certificates(dice: random.Random, root: Node, _nodes: list[Node]) -> None:
    others = (attacker(), genuine().issuing, genuine().root, signer("rsa"), signer("p384"))
    for data in list(root.iter(DS + "X509Data"))[:1]:
        for _ in range(dice.choice([1, 1, 1, 2, 4])):
            made = etree.Element(DS + "X509Certificate")
            made.text = base64.b64encode(dice.choice(others).certificate.der).decode()
            data.insert(dice.choice([0, len(data), len(data)]), made)
        if dice.random() < 0.3 and len(data) > 1:
            data.remove(data[-1])


CHANGES: tuple[Change, ...] = (
    *(identify, identify, relocate, graft, graft, enclose, damage_base64, damage_base64, change_certificates),
)
