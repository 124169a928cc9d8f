"""Changes of a signed letter that know what a letter, a signature and XML are. Each takes dice and a tree, and changes it."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from envelopes.signature.algorithms import BASE64, C14N_10, C14N_11, ED25519, ENVELOPED, EXCLUSIVE
from tests.forging.letters import DS, Q
from tests.forging.signing import MORE, PSS, SHA1, SHA256, XADES, XMLDSIG, detach

XML = "{http://www.w3.org/XML/1998/namespace}"
IDS = ("Id", "ID", "id", XML + "id")
ALGORITHMS = (
    *(C14N_10, C14N_11, EXCLUSIVE, ENVELOPED, BASE64, ED25519, SHA256, SHA1, MORE + "sha384", MORE + "ecdsa-sha256"),
    *(MORE + "ecdsa-sha1", MORE + "ecdsa-sha384", MORE + "rsa-sha256", PSS + "sha256-rsa-MGF1", MORE + "hmac-sha256"),
    *(C14N_10 + "#WithComments", EXCLUSIVE + "WithComments", "http://www.w3.org/2010/xml-c14n2", "urn:x", ""),
    *("http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/2002/06/xmldsig-filter2"),
)
URIS = (
    "",
    "#",
    "#doc",
    "#sig",
    "#props",
    "#a",
    "#xpointer(/)",
    "#xpointer(id('doc'))",
    "cid:a",
    "cid:%61",
    "http://127.0.0.1:9/",
    "file:///x",
)
NAMES = (
    "Signature",
    "SignedInfo",
    "Reference",
    "Object",
    "Manifest",
    "KeyInfo",
    "X509Data",
    "Transforms",
    "Transform",
    "DigestValue",
)
LETTER_NAMES = (
    "edXML",
    "edXMLEnvelope",
    "edXMLHeader",
    "MessageHeader",
    "From",
    "To",
    "OrganId",
    "Subject",
    "DocumentId",
    "StatusCode",
    "Attachment",
)
SPACES = (XMLDSIG, Q[1:-1], XADES, EXCLUSIVE, "", "urn:x", XMLDSIG + " ")
TEXTS = (
    "",
    " ",
    "x",
    "000.00.01.H56",
    "2899000017",
    "2027/01/01",
    "5/CV-B",
    "AA==",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "\u202ex",
    "<",
    "\n",
)

Node = etree._Element
Change = Callable[[random.Random, Node, list[Node]], object]


def within(dice: random.Random, nodes: list[Node]) -> Node:
    """Choose a node, as often in the signature as outside it."""
    if dice.random() < 0.5:
        inside = [node for node in nodes if XMLDSIG in node.tag or XADES in node.tag]
        return dice.choice(inside or nodes)
    return dice.choice(nodes)


def below_root(dice: random.Random, root: Node, nodes: list[Node]) -> Node | None:
    node = within(dice, nodes)
    return node if node is not root and node.getparent() is not None else None


def put(dice: random.Random, target: Node, node: Node) -> None:
    if target is not node and node not in target.iterancestors():
        target.insert(dice.randrange(len(target) + 1), node)


def duplicate(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    if node is not None:
        parent = node.getparent() if dice.random() < 0.6 else within(dice, nodes)
        put(dice, root if parent is None else parent, deepcopy(node))


def move(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    if node is not None:
        put(dice, within(dice, nodes), node)


def drop(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    if node is not None:
        detach(node)


def swap(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    parent = dice.choice([node for node in nodes if len(node) > 1] or nodes)
    if len(parent) > 1:
        parent.insert(dice.randrange(len(parent)), parent[dice.randrange(len(parent))])


def wrap(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    parent = None if node is None else node.getparent()
    if node is not None and parent is not None:
        wrapper = etree.Element(any_name(dice))
        parent.replace(node, wrapper)
        wrapper.append(node)


def unwrap(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    parent = None if node is None else node.getparent()
    if node is not None and parent is not None:
        at = parent.index(node)
        for child in reversed(node):
            parent.insert(at, child)
        detach(node)


def rename(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    within(dice, nodes).tag = any_name(dice)


def change_namespace(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node, space = within(dice, nodes), dice.choice(SPACES)
    name = etree.QName(node).localname
    node.tag = f"{{{space}}}{name}" if space else name


def any_name(dice: random.Random) -> str:
    if dice.random() < 0.5:
        return DS + dice.choice(NAMES)
    return Q + dice.choice(LETTER_NAMES) if dice.random() < 0.9 else "x"


def set_text(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node = within(dice, nodes)
    old = node.text or ""
    edited = (old + "x", old[:-1], old[1:], old * 2, old.swapcase(), f" {old}", f"{old}\n", *TEXTS)
    node.text = dice.choice(edited)


def exchange_texts(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    one, other = within(dice, nodes), within(dice, nodes)
    one.text, other.text = other.text, one.text


def set_tail(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    node = below_root(dice, root, nodes)
    if node is not None:
        node.tail = dice.choice(["", " ", "x", "\n  ", f"{node.tail or ''} "])


def split_text(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    """Put a comment or an instruction into a text: the first text of the element is then only a part of it."""
    node = within(dice, nodes)
    text = node.text or ""
    at = dice.randrange(len(text) + 1)
    cut: Node = etree.Comment("c") if dice.random() < 0.8 else etree.ProcessingInstruction("p", "q")
    node.text, cut.tail = text[:at], text[at:]
    node.insert(0, cut)


def comment(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node = dice.choice(nodes)
    node.insert(dice.randrange(len(node) + 1), etree.Comment(dice.choice(["c", "<ds:Signature/>", "]]>"])))


def instruction(dice: random.Random, root: Node, nodes: list[Node]) -> None:
    made = etree.ProcessingInstruction("xml-stylesheet", 'href="x"')
    if dice.random() < 0.5:
        root.addprevious(made)
    else:
        dice.choice(nodes).append(made)


def surround(dice: random.Random, root: Node, _nodes: list[Node]) -> None:
    made: Node = etree.Comment("c")
    root.addprevious(made) if dice.random() < 0.5 else root.addnext(made)


def set_attribute(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    name = dice.choice(
        [*IDS, "URI", "Algorithm", "Type", "Target", "PrefixList", "version", XML + "lang", XML + "base", XML + "space"]
    )
    values = ALGORITHMS if name == "Algorithm" else (*URIS, "doc", "sig", "props", "a", "ds edXML", "preserve")
    within(dice, nodes).set(name, dice.choice(values))


def change_attribute(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node = dice.choice([node for node in nodes if node.attrib] or nodes)
    for name in list(node.attrib)[:1]:
        pool = {"Algorithm": ALGORITHMS, "URI": URIS}.get(str(name), ("doc", "sig", "props", "a", "", "#sig", "#doc"))
        node.set(name, dice.choice(pool))


def drop_attribute(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node = dice.choice([node for node in nodes if node.attrib] or nodes)
    for name in list(node.attrib)[:1]:
        del node.attrib[name]


def rename_attribute(dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    node = dice.choice([node for node in nodes if node.attrib] or nodes)
    for name in list(node.attrib)[:1]:
        value = node.attrib.pop(name)
        node.set(dice.choice(IDS if str(name) in IDS else ("URI", "Algorithm", "{urn:x}Algorithm", "algorithm")), value)


def reorder_attributes(_dice: random.Random, _root: Node, nodes: list[Node]) -> None:
    for node in nodes:
        items = list(node.attrib.items())
        node.attrib.clear()
        for name, value in reversed(items):
            node.set(name, value)


CHANGES: tuple[Change, ...] = (
    *(duplicate, move, drop, swap, wrap, unwrap, rename, change_namespace, set_text, exchange_texts, set_tail),
    *(split_text, comment, comment, instruction, surround, set_attribute, set_attribute, change_attribute),
    *(drop_attribute, rename_attribute, reorder_attributes),
)
