"""A: the signature stays good, and what is read is something else."""

from __future__ import annotations

from copy import deepcopy

from lxml import etree

from tests.conformance.catalogue.case import (
    Cases,
    by,
    by_id,
    find,
    identified,
    planned,
    refused,
    signed,
    spoil,
    text,
    tree,
    without_signature,
)
from tests.forging.keys import attacker
from tests.forging.letters import DS, HEADER, Q, bury, changed, header, signature, unsigned
from tests.forging.signing import XMLDSIG, Plan, forge

Node = etree._Element


def _inside_signature(root: Node) -> None:
    genuine = without_signature(root)
    spoil(root).set("Id", "evil")
    signature(root).append(bury(genuine))


def _before_signature(root: Node) -> None:
    genuine = without_signature(root)
    spoil(root).set("Id", "evil")
    signature(root).addprevious(bury(genuine))


def _evil_envelope_first(root: Node) -> None:
    evil = deepcopy(root[0])
    for found in list(evil.iter(DS + "Signature")):
        header_of = found.getparent()
        assert header_of is not None
        header_of.remove(found)
    evil.attrib.clear()
    root.insert(0, bury(spoil(evil)))


def _evil_around(root: Node) -> None:
    genuine = deepcopy(root)
    header(spoil(root)).remove(signature(root))
    root.set("Id", "evil")
    root.append(bury(genuine))


def _genuine_at_the_end(root: Node) -> None:
    genuine = without_signature(root)
    spoil(root).set("Id", "evil")
    root.append(bury(genuine))


def _genuine_in_key_info(root: Node) -> None:
    genuine = without_signature(root)
    spoil(root).set("Id", "evil")
    find(root, "KeyInfo").append(bury(genuine))


def _evil_in_extensions(root: Node) -> None:
    extensions = etree.Element(Q + "Extensions")
    extensions.append(bury(spoil(without_signature(root))))
    root.insert(0, extensions)


def _genuine_in_object(root: Node) -> None:
    genuine = without_signature(root)
    etree.SubElement(signature(spoil(root)), DS + "Object").append(bury(genuine))


def _second_signed_info(root: Node) -> None:
    second = deepcopy(find(root, "SignedInfo"))
    find(second, "DigestValue").text = "AAAA"
    find(root, "SignedInfo").addnext(second)


def _genuine_under_other_name(root: Node) -> None:
    genuine = without_signature(root)
    genuine.attrib.pop("Id")
    genuine.set("ID", "doc")
    spoil(root).attrib.pop("Id")
    root.append(bury(genuine))


def _evil_first(root: Node) -> None:
    genuine = without_signature(root)
    spoil(root).append(bury(genuine))


def _genuine_first(root: Node) -> None:
    genuine, evil = without_signature(root), spoil(without_signature(root))
    spoil(root).attrib.pop("Id")
    root.insert(0, bury(genuine))
    root.insert(1, bury(evil))


def _attackers_first() -> bytes:
    evil = forge(unsigned(), Plan(holder=attacker()))

    def put(root: Node) -> None:
        signature(root).addprevious(signature(etree.fromstring(evil)))

    return changed(signed(), put)


def _nested() -> bytes:
    inner = f'<ds:Object><ds:Signature xmlns:ds="{XMLDSIG}"/></ds:Object>'
    return forge(unsigned(), Plan(objects=inner))


def _to_body(root: Node) -> None:
    body = root.find(f"{HEADER}/../{Q}edXMLBody")
    assert body is not None
    body.append(signature(root))


def _envelope_by_id() -> bytes:
    document = unsigned().replace(b"<edXML:edXMLEnvelope ", b'<edXML:edXMLEnvelope Id="env" ', 1)
    return forge(document, Plan(references=(by("#env"),)))


CASES: Cases = {
    "xsw1": refused("signature-grammar", tree(_inside_signature, by_id)),
    "xsw2": refused("coverage-incomplete", tree(_before_signature, by_id)),
    "xsw3": refused("coverage-incomplete", tree(_evil_envelope_first, _envelope_by_id)),
    "xsw4": refused("signature-misplaced", tree(_evil_around, by_id)),
    "xsw5": refused("coverage-incomplete", tree(_genuine_at_the_end, by_id)),
    "xsw6": refused("key-info-not-allowed", tree(_genuine_in_key_info, by_id)),
    "xsw7": refused("id-duplicate", tree(_evil_in_extensions, by_id)),
    "xsw8": refused("id-duplicate", tree(_genuine_in_object, by_id)),
    "xsw9-second-signedinfo-last": refused("signature-grammar", tree(_second_signed_info)),
    "id-variant-ID": refused("coverage-incomplete", tree(_genuine_under_other_name, by_id)),
    "duplicate-id-root-wrapped": refused("id-duplicate", tree(_evil_first, by_id)),
    "duplicate-id-genuine-first": refused("id-duplicate", tree(_genuine_first, by_id)),
    "xmlid-added": refused("content-changed", text(b' Id="doc"', b' Id="doc" xml:id="doc"', by_id)),
    "uri-xpointer-id": refused(
        "reference-not-allowed", planned(Plan(references=(by("#xpointer(id('doc'))"),)), identified)
    ),
    "uri-xpointer-root": refused("reference-not-allowed", planned(Plan(references=(by("#xpointer(/)"),)))),
    "uri-percent-encoded-fragment": refused(
        "reference-not-allowed", planned(Plan(references=(by("#d%6Fc"),)), identified)
    ),
    "two-signatures-first-attacker": refused("signature-several", _attackers_first),
    "nested-signature-in-object": refused("signature-several", _nested),
    "signature-moved": refused("signature-misplaced", tree(_to_body)),
}
