"""The proof in a receipt holds for its statement, its place and its log, and for nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lxml import etree

from envelopes import receipt as receipts
from envelopes import xml
from envelopes.leaf import Links, commit, entry_of
from envelopes.log.checkpoint import Checkpoint, write_checkpoint
from envelopes.log.growth import grow
from envelopes.log.inclusion import LogProof, check_proof, read_proof, write_proof
from envelopes.log.note import Signer, write_note
from envelopes.log.tree import Edge
from envelopes.signature.algorithms import C14N_10
from envelopes.signature.c14n import canonicalize_document
from envelopes.signature.verify import Place, verify
from tests.unit.envelopes.test_receipt import RECEIPT
from trust_store.errors import Misuse, Refused

STATEMENT = receipts.state(RECEIPT)
LOG = Signer(name="congvan/000.00.99.H56/1", key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
SALT = bytes(range(16))
LINKS = Links(number=7, in_mailbox=b"m" * 32, of_message=b"d" * 32)


def proof_of(index: int = 5, size: int = 11, links: Links = LINKS) -> LogProof:
    entries = [b"%032d" % number for number in range(size)]
    entries[index] = entry_of(commit(STATEMENT, SALT), links)
    growth = grow(Edge(), entries)
    text = write_checkpoint(Checkpoint(origin=LOG.name, size=size, root=growth.edge.root))
    return LogProof(
        key=LOG.verifier.vkey,
        index=index,
        size=size,
        salt=SALT,
        links=links,
        path=growth.path(index),
        checkpoint=write_note(text, [LOG.sign(text)]),
    )


def code_of(work, *arguments) -> str:
    with pytest.raises(Refused) as refused:
        work(*arguments)
    return refused.value.reason.code


@pytest.mark.parametrize(
    "proof", [proof_of(), proof_of(0, 1, Links(number=1)), proof_of(299, 300)], ids=["middle", "alone", "last"]
)
def test_a_sealed_proof_is_read_as_it_was_and_holds(proof: LogProof, key) -> None:
    sealed = receipts.seal(STATEMENT, key, proof)
    stated, signed = receipts.open_receipt(sealed)
    assert stated == RECEIPT
    assert receipts.statement_of(signed.element) == STATEMENT
    assert receipts.check_log(signed.element, LOG.verifier.vkey) == proof
    assert receipts.seal(STATEMENT, key, proof) == sealed
    bare = xml.parse(sealed)
    bare.getroot().remove(bare.getroot()[-1])
    assert (
        canonicalize_document(bare, C14N_10)
        == sealed[: sealed.index(b"<ds:Signature")].partition(b"\n")[2] + b"</Evidence>"
    )


def test_a_receipt_without_a_proof_says_so(key) -> None:
    _, signed = receipts.open_receipt(receipts.seal(STATEMENT, key))
    assert receipts.check_log(signed.element) is None
    assert code_of(receipts.check_log, signed.element, LOG.verifier.vkey) == "log-absent"


OTHER = Signer(name=LOG.name, key=Ed25519PrivateKey.from_private_bytes(b"1" * 32))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"index": 4}, "log-inclusion-wrong"),
        ({"size": 12}, "log-proof-malformed"),
        ({"salt": bytes(16)}, "log-inclusion-wrong"),
        ({"links": dataclasses.replace(LINKS, number=8)}, "log-inclusion-wrong"),
        ({"links": dataclasses.replace(LINKS, in_mailbox=b"x" * 32)}, "log-inclusion-wrong"),
        ({"links": dataclasses.replace(LINKS, in_mailbox=b"d" * 32, of_message=b"m" * 32)}, "log-inclusion-wrong"),
        ({"path": ()}, "log-inclusion-wrong"),
        ({"path": proof_of().path[::-1]}, "log-inclusion-wrong"),
        ({"checkpoint": proof_of(4).checkpoint}, "log-inclusion-wrong"),
        ({"checkpoint": proof_of().checkpoint.replace("\n11\n", "\n12\n")}, "note-not-signed"),
        ({"checkpoint": "nothing"}, "note-malformed"),
        ({"key": OTHER.verifier.vkey}, "note-not-signed"),
        ({"key": "nothing"}, "note-key-malformed"),
    ],
)
def test_whatever_is_changed_the_proof_does_not_hold(changes: dict[str, object], code: str) -> None:
    assert code_of(check_proof, dataclasses.replace(proof_of(), **changes), STATEMENT) == code


def test_it_holds_for_its_statement_and_its_log_only() -> None:
    assert check_proof(proof_of(), STATEMENT).size == 11
    assert code_of(check_proof, proof_of(), STATEMENT + b" ") == "log-inclusion-wrong"
    assert code_of(check_proof, proof_of(), STATEMENT, OTHER.verifier.vkey) == "log-other"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Index>5</Index>", ""),
        ("<Index>5</Index>", "<Index>5</Index><Index>5</Index>"),
        ("<Index>5</Index>", "<Index>-5</Index>"),
        ("<Index>5</Index>", "<Index>\u0665</Index>"),
        ("<Index>5</Index>", f"<Index>{'9' * 5000}</Index>"),
        ("<Index>5</Index>", "<Index><a/>5</Index>"),
        ("<Index>5</Index>", "<Index xmlns=''>5</Index>"),
        ("<MailboxNumber>7<", "<MailboxNumber>0<"),
        ("<Salt>AAEC", "<Salt>AA!C"),
        ("<Salt>AAEC", "<Salt>"),
        ("<Path>", "<Path>AAAA"),
        ("<Path>", "<Path>" + "A" * 4300),
        ("</LogProof>", "</LogProof><LogProof xmlns='urn:congvan:log:1'/>"),
        ("</LogProof>", "<!-- --></LogProof>"),
    ],
)
def test_what_cannot_be_read_is_refused(old: str, new: str) -> None:
    written = write_proof(proof_of()).replace(old, new)
    assert code_of(read_proof, etree.fromstring(f"<a>{written}</a>")) == "log-proof-malformed"


def test_a_proof_that_would_have_to_be_escaped_is_never_written() -> None:
    with pytest.raises(Misuse):
        write_proof(dataclasses.replace(proof_of(), checkpoint="a&b"))


def test_the_proof_is_under_the_signature_of_the_hub(key) -> None:
    sealed = receipts.seal(STATEMENT, key, proof_of())
    for changed in (
        sealed.replace(b"<Index>5<", b"<Index>6<"),
        sealed.replace(b"<MailboxNumber>7", b"<MailboxNumber>8"),
    ):
        assert changed != sealed
        assert code_of(verify, xml.parse(changed), Place.ROOT_CHILD) == "content-changed"
