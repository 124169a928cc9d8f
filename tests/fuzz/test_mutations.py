"""Structure-aware mutations of signed letters: what is accepted must say exactly what was signed, files beside it too."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime

import pytest
from lxml import etree

from envelopes import xml
from envelopes.drafting import FileBeside, digests, draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.detached import Detached
from envelopes.signature.sign import sign
from envelopes.signature.verify import place_of, verify
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.errors import Refused
from trust_store.identity import PartyKind

ROUNDS = max(400, int(os.environ.get("FUZZ_EXAMPLES", "0")))
AT = datetime(2026, 1, 1, tzinfo=UTC)
Mutation = Callable[[random.Random, etree._Element, list[etree._Element]], None]


@pytest.fixture(scope="module", params=[0, 3], ids=["all inside", "three beside"])
def signed(request: pytest.FixtureRequest) -> bytes:
    files = [
        FileBeside(name=f"{n}.dwg", digest=hashlib.sha256(bytes([n])).hexdigest(), size=1) for n in range(request.param)
    ]
    authority = create_authority("Test CA", serial=1, at=AT, years=5)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="2899000016")
    key = enrol(authority, holder, serial=2, at=AT, days=1000)
    letter = draft_letter(
        sender=Organ(organ_id="2899000016"),
        receivers=[Organ(organ_id="000.00.00.H56")],
        number="5",
        notation="CV-A",
        subject="V/v thử",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 a")],
        detached=files,
    )
    return sign(build(letter), key, digests(letter, files))


def _duplicate(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes[1:])
    dice.choice(nodes).append(deepcopy(node))


def _move(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    node, target = dice.choice(nodes[1:]), dice.choice(nodes)
    if node not in target.iterancestors() and node is not target:
        target.insert(dice.randrange(len(target) + 1), node)


def _drop(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes[1:])
    parent = node.getparent()
    assert parent is not None
    parent.remove(node)


def _text(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes)
    node.text = dice.choice(["", "x", f"{node.text or ''}x", (node.text or "")[:-1], " ", "000.00.01.H56"])


def _attribute(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    name = dice.choice(["Id", "ID", "URI", "Algorithm", "Type", "{http://www.w3.org/XML/1998/namespace}lang"])
    dice.choice(nodes).set(
        name, dice.choice(["", "a", "#a", "cid:a", "cid:%32899000016", "http://www.w3.org/2001/10/xml-exc-c14n#"])
    )


def _comment(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    dice.choice(nodes).insert(0, etree.Comment("c"))


def _wrap(dice: random.Random, _root: etree._Element, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes[1:])
    parent = node.getparent()
    assert parent is not None
    wrapper = etree.Element("{http://www.w3.org/2000/09/xmldsig#}Object")
    parent.replace(node, wrapper)
    wrapper.append(node)


MUTATIONS: list[Mutation] = [_duplicate, _move, _drop, _text, _attribute, _comment, _wrap]


def _content(data: bytes) -> tuple[bytes, tuple[Detached, ...]]:
    tree = xml.parse(data)
    found = verify(tree, place_of(tree.getroot()))
    return bytes(etree.tostring(found.element, method="c14n", with_comments=False)), found.detached


def test_accepted_means_the_same_content(signed: bytes) -> None:
    genuine, dice, accepted, refused = _content(signed), random.Random(20261123), 0, 0
    for _ in range(ROUNDS):
        root = etree.fromstring(signed)
        for _ in range(dice.randint(1, 3)):
            dice.choice(MUTATIONS)(dice, root, list(root.iter(etree.Element)))
        try:
            found = _content(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
        except Refused:
            refused += 1
            continue
        accepted += 1
        assert found == genuine
    assert accepted > 0, "comments alone must be harmless, so some are accepted"
    assert refused > ROUNDS // 2


def test_broken_bytes_are_refused_or_the_same(signed: bytes) -> None:
    genuine, dice = _content(signed), random.Random(7)
    for _ in range(ROUNDS):
        data = bytearray(signed)
        for _ in range(dice.randint(1, 4)):
            where = dice.randrange(len(data))
            data[where : where + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        try:
            found = _content(bytes(data))
        except Refused:
            continue
        assert found == genuine
