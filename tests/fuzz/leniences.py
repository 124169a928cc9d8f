"""What other engines overlook, each written as the change that undoes it.

An engine that believes what the hub refuses is explained when undoing one or a few of its leniences gives a letter that the
hub takes, with the genuine content. What is undone inside SignedInfo is signed anew by the genuine key, which the engine has
just found to be the signer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from envelopes.signature import xades
from envelopes.signature.algorithms import CANONICALIZATIONS, DIGESTS, ENVELOPED, EXCLUSIVE, SIGNATURES
from envelopes.signature.grammar import _ATTRIBUTES
from tests.forging.letters import DS, HEADER
from tests.forging.signing import canonical, detach, method_of, sign_octets, text
from tests.fuzz.mutants import Base
from trust_store.errors import Refused

Node = etree._Element
Undo = Callable[[Node, Node, Base], object]
"""(root, its first Signature, what it was made of): changes the tree."""

XADES = xades._X
IDS = ("ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
CHILDREN = ("SignedInfo", "SignatureValue", "KeyInfo", "Object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lenience:
    """Name something that engines overlook, and undo it."""

    says: str
    undo: Undo
    engines: frozenset[str] = frozenset({"signxml", "xmlsec"})
    signs: bool = False


def comments(_root: Node, signature: Node, _base: Base) -> None:
    for node in list(signature.iter(etree.Comment, etree.ProcessingInstruction)):
        detach(node)


def key_info(_root: Node, signature: Node, base: Base) -> None:
    genuine = next(etree.fromstring(base.data).iter(DS + "KeyInfo"))
    for old in signature.findall(DS + "KeyInfo"):
        detach(old)
    value = signature.find(DS + "SignatureValue")
    if value is not None:
        value.addnext(genuine)


def place(root: Node, signature: Node, _base: Base) -> None:
    header = root.find(HEADER)
    if header is not None and signature is not root:
        detach(signature)
        signature.tail = None
        header.append(signature)


def objects(_root: Node, signature: Node, _base: Base) -> None:
    """Take out what the signature holds and does not cover."""
    covered = {(node.get("URI") or "").removeprefix("#") for node in signature.iter(DS + "Reference")}
    for node in list(signature.iter(DS + "Object")):
        if not covered & {inner.get("Id") for inner in node.iter("*")}:
            detach(node)


def children(_root: Node, signature: Node, _base: Base) -> None:
    """Leave the first of each child that a Signature has, and its Objects."""
    seen: set[str] = set()
    for node in list(signature.iterchildren(etree.Element)):
        tag = str(node.tag)
        known = tag in {DS + name for name in CHILDREN}
        if not known or (tag in seen and tag != DS + "Object"):
            detach(node)
        seen.add(tag)


def order(_root: Node, signature: Node, _base: Base) -> None:
    found = sorted(signature.iterchildren(etree.Element), key=lambda node: CHILDREN.index(etree.QName(node).localname))
    for node in found:
        signature.append(node)


def stray_text(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(etree.Element):
        if len(node):
            node.text = None
        node.tail = None if node is not signature else node.tail


def ids(root: Node, signature: Node, _base: Base) -> None:
    """Take the Ids away that nothing refers to."""
    used = {(node.get("URI") or "").removeprefix("#") for node in signature.iter(DS + "Reference")}
    used.add(signature.get("Id") or "")
    for node in signature.iter(etree.Element):
        for name in ("Id", *IDS):
            if name != "Id" or (node.get(name) not in used):
                node.attrib.pop(name, None)
    del root


def loose_base64(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(DS + "SignatureValue", DS + "X509Certificate", DS + "DigestValue"):
        node.text = base64.b64encode(octets_of(node)).decode()


def attributes(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(*_ATTRIBUTES):
        for name in set(node.keys()) - _ATTRIBUTES[str(node.tag)]:
            del node.attrib[name]


def foreign_attributes(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(DS + "*"):
        for name in [each for each in node.attrib if str(each).startswith("{urn:x}")]:
            node.set(etree.QName(name).localname, node.attrib.pop(name))


def addresses(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(DS + "Reference"):
        if node.get("URI") is None:
            node.set("URI", "")


def parameters(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(DS + "SignatureMethod", DS + "DigestMethod", DS + "CanonicalizationMethod"):
        node.text = None
        for child in list(node):
            node.remove(child)


def transforms(_root: Node, signature: Node, base: Base) -> None:
    """Leave what a Reference to the content has: enveloped-signature, then the canonicalisation that was digested."""
    for chain in signature.iter(DS + "Transforms"):
        declared = [node.get("Algorithm", "") for node in chain]
        kept = [ENVELOPED] if ENVELOPED in declared else []
        last = [name for name in declared if name in CANONICALIZATIONS][-1:] or [base.canonicalization]
        for node in list(chain):
            chain.remove(node)
        for name in kept + last:
            etree.SubElement(chain, DS + "Transform").set("Algorithm", name)


def algorithms(_root: Node, signature: Node, base: Base) -> None:
    """Put allowed algorithms in place of others; a digest by another one is then computed anew over the same content."""
    genuine = {node.get("URI"): node for node in etree.fromstring(base.data).iter(DS + "Reference")}
    for node in signature.iter(DS + "SignatureMethod"):
        if node.get("Algorithm") not in SIGNATURES or len(node):
            node.set("Algorithm", method_of(base.holder))
    for node in signature.iter(DS + "Reference"):
        method, other = node.find(DS + "DigestMethod"), genuine.get(node.get("URI"))
        if method is not None and (method.get("Algorithm") not in DIGESTS or len(method)) and other is not None:
            node.getparent().replace(node, other)  # type: ignore[union-attr]


def canonicalization(_root: Node, signature: Node, _base: Base) -> None:
    for node in signature.iter(DS + "CanonicalizationMethod", DS + "Transform"):
        name = node.get("Algorithm", "")
        plain = name.removesuffix("#WithComments") if "#WithComments" in name else name.removesuffix("WithComments")
        node.set("Algorithm", plain)


def properties(_root: Node, signature: Node, base: Base) -> None:
    """Restore the XAdES properties, of which a plain engine knows only the digest."""
    genuine = next(etree.fromstring(base.data).iter(DS + "Signature"))
    signature.attrib.pop("Id", None)
    signature.attrib.update(genuine.attrib)
    for node in list(signature.iter(DS + "Object")):
        detach(node)
    for node in genuine.findall(DS + "Object"):
        signature.append(node)
    references = [node for node in genuine.iter(DS + "Reference") if node.get("URI") == "#props"]
    for old in list(signature.iter(DS + "Reference")):
        if "01903" in old.get("Type", "") or old.get("URI") not in {"", "#doc"}:
            detach(old)
    info = signature.find(DS + "SignedInfo")
    if info is not None:
        info.extend(references)


def surroundings(root: Node, _signature: Node, _base: Base) -> None:
    holder = etree.Element("holder")
    for node in [*root.itersiblings(preceding=True), *root.itersiblings()]:
        holder.append(node)


def value(_root: Node, _signature: Node, _base: Base) -> None:
    """Do nothing here: the value is written anew in the one form that the hub takes, which `is_other_form` asks for."""


LENIENCES: tuple[Lenience, ...] = (
    Lenience(says="passes over comments in the signature", undo=comments),
    Lenience(says="was given the key and does not look at KeyInfo", undo=key_info),
    Lenience(says="takes a signature wherever it stands", undo=place),
    Lenience(
        says="digests the root alone, not what stands around it", undo=surroundings, engines=frozenset({"signxml"})
    ),
    Lenience(says="passes over an Object that nothing covers", undo=objects),
    Lenience(says="passes over children that a Signature does not have", undo=children),
    Lenience(says="takes the parts of a Signature in another order", undo=order),
    Lenience(says="passes over Ids that nothing refers to", undo=ids),
    Lenience(says="passes over text between elements", undo=stray_text, signs=True),
    Lenience(says="decodes base64 loosely", undo=loose_base64, signs=True),
    Lenience(says="passes over attributes that the schema does not have", undo=attributes, signs=True),
    Lenience(says="reads attributes of another namespace", undo=foreign_attributes, signs=True),
    Lenience(says="takes a Reference without URI for the document", undo=addresses, signs=True),
    Lenience(says="passes over parameters of algorithms", undo=parameters, signs=True),
    Lenience(says="knows no XAdES properties", undo=properties, signs=True),
    Lenience(says="ignores unknown transforms and their order", undo=transforms, signs=True),
    Lenience(says="allows more algorithms", undo=algorithms, signs=True),
    Lenience(says="allows canonicalisation with comments", undo=canonicalization, signs=True),
    Lenience(says="takes signature values in other forms", undo=value, signs=True),
)


def sign_anew(signature: Node, base: Base) -> None:
    """Sign the SignedInfo with the genuine key, by exclusive canonicalisation where it names one that is not allowed."""
    info = signature.find(DS + "SignedInfo")
    method = signature.find(f"{DS}SignedInfo/{DS}SignatureMethod")
    if info is None or method is None or signature.find(DS + "SignatureValue") is None:
        return
    declared = info.find(DS + "CanonicalizationMethod")
    algorithm = EXCLUSIVE if declared is None else declared.get("Algorithm", "")
    text(signature, "SignatureValue", sign_octets(base.holder, method.get("Algorithm", ""), canonical(info, algorithm)))


def is_signed(signature: Node, base: Base) -> bool:
    """Ask our own cryptography whether the genuine key signed the SignedInfo that stands there."""
    info, value_of = signature.find(DS + "SignedInfo"), signature.find(DS + "SignatureValue")
    if info is None or value_of is None:
        return False
    methods = [algorithm_of(node) for node in info.iterchildren(DS + "SignatureMethod")]
    declared = [algorithm_of(node) for node in info.iterchildren(DS + "CanonicalizationMethod")]
    try:
        check = SIGNATURES[methods[0]]
        check(base.holder.certificate.public_key, octets_of(value_of), canonical(info, declared[0]))
    except (Refused, LookupError, etree.LxmlError):
        return False
    return True


def algorithm_of(node: Node) -> str:
    """Read the algorithm as an engine does that does not look at the namespace of an attribute."""
    return str(node.get("Algorithm", node.get("{urn:x}Algorithm", "")))


def is_other_form(signature: Node, base: Base) -> bool:
    """Tell whether the value has not the length of a value by the genuine key: ASN.1, or zero octets around it."""
    genuine = next(etree.fromstring(base.data).iter(DS + "SignatureValue"))
    value_of = signature.find(DS + "SignatureValue")
    return value_of is not None and len(octets_of(value_of)) != len(octets_of(genuine))


def octets_of(node: Node) -> bytes:
    """Decode base64 as loosely as anybody does."""
    packed = "".join(each for each in "".join(node.itertext()) if each.isascii() and (each.isalnum() or each in "+/"))
    usable = packed[:-1] if len(packed) % 4 == 1 else packed
    return base64.b64decode(usable + "=" * (-len(usable) % 4))


def may_sign(signature: Node, base: Base, chosen: Iterable[Lenience]) -> bool:
    """Allow to sign anew what the genuine key had signed, in whatever form, or by an algorithm that only the engine knows."""
    says = {each.undo for each in chosen}
    methods = [algorithm_of(node) for node in signature.iterfind(f"{DS}SignedInfo/{DS}SignatureMethod")]
    unknown = not SIGNATURES.keys() & set(methods)
    return (
        is_signed(signature, base)
        or (algorithms in says and unknown)
        or (value in says and is_other_form(signature, base))
    )
