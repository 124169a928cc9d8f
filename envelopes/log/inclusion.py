"""The proof, inside a receipt, that its statement is in the transparency log: `LogProof` (docs/protocol/log.md).

It names the place, the links of the chains, the path to the root, and the signed checkpoint that has this root, so it is
verified offline, with nothing but the receipt; who has the log's key from elsewhere can insist on it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from envelopes.leaf import ENTRY_BYTES, SALT_BYTES, Links, commit, entry_of
from envelopes.log.checkpoint import Checkpoint, open_checkpoint
from envelopes.log.note import Verifier, read_vkey
from envelopes.log.tree import check_inclusion, leaf_hash
from trust_store.errors import Misuse, Refused, reason

NAMESPACE: Final = "urn:congvan:log:1"
TAG: Final = f"{{{NAMESPACE}}}LogProof"
_L: Final = f"{{{NAMESPACE}}}"
_MOST_STEPS: Final = 62
_PLAIN: Final = re.compile("[^&<>\r]+")

MALFORMED = reason(
    "log-proof-malformed",
    "The proof of the log in this receipt cannot be read",
    "Check the file that the hub handed out",
)
OTHER_LOG = reason(
    "log-other",
    "The receipt is in another log than the one whose key was given",
    "Compare the key with the one that the hub published when the receipt was issued",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """Prove that a statement is in a log of `size` entries at `index` (from 0).

    `key` is the log's verifier key (vkey), `checkpoint` its signed note over the tree of this size, `path` the hashes of the
    way to its root (32 bytes each, nearest first), `salt` 16 bytes.
    """

    key: str
    index: int
    size: int
    salt: bytes
    links: Links
    path: tuple[bytes, ...]
    checkpoint: str


def write_proof(proof: LogProof) -> str:
    """Write a proof as it stands in a receipt, in canonical form."""
    links = proof.links
    lines = (
        _line("Log", proof.key),
        _line("Index", str(proof.index)),
        _line("TreeSize", str(proof.size)),
        _line("Salt", _text(proof.salt)),
        _line("MailboxNumber", str(links.number)),
        _line("PreviousInMailbox", _text(links.in_mailbox)) if links.in_mailbox else "",
        _line("PreviousOfMessage", _text(links.of_message)) if links.of_message else "",
        _line("Path", _text(b"".join(proof.path))) if proof.path else "",
        _line("Checkpoint", proof.checkpoint),
    )
    return f'<LogProof xmlns="{NAMESPACE}">\n{"".join(lines)}</LogProof>'


def read_proof(root: etree._Element) -> LogProof | None:
    """Read the proof from the root of a verified receipt; None when it has none.

    Raises:
        Refused: `log-proof-malformed`.
    """
    found = root.findall(TAG)
    if not found:
        return None
    try:
        (element,) = found
        return _read({_name(child): child.text or "" for child in element}, len(element))
    except (ValueError, KeyError, binascii.Error):
        raise Refused(MALFORMED) from None


def check_proof(proof: LogProof, statement: bytes, insisted: str = "") -> Checkpoint:
    """Check a proof for a statement (the exact unsigned bytes); return the checkpoint that it leads to.

    `insisted` is the verifier key that the log must have, from elsewhere; without it the one in the proof is used, which
    the hub signed with the receipt.

    Raises:
        Refused: `log-other`, `log-inclusion-wrong`, or what is wrong with the checkpoint's signature or form.
    """
    if insisted and insisted != proof.key:
        raise Refused(OTHER_LOG, f"The receipt names {proof.key}")
    verifier: Verifier = read_vkey(proof.key)
    checkpoint = open_checkpoint(proof.checkpoint, verifier)
    if checkpoint.size != proof.size:
        raise Refused(MALFORMED, f"The checkpoint is over {checkpoint.size} entries, the proof over {proof.size}")
    entry = entry_of(commit(statement, proof.salt), proof.links)
    check_inclusion(proof.index, proof.size, leaf_hash(entry), proof.path, checkpoint.root)
    return checkpoint


def _read(values: dict[str, str], count: int) -> LogProof:
    if len(values) != count:
        raise ValueError
    packed = _bytes(values.get("Path", ""))
    links = Links(
        number=_number(values["MailboxNumber"]),
        in_mailbox=_bytes(values.get("PreviousInMailbox", "")),
        of_message=_bytes(values.get("PreviousOfMessage", "")),
    )
    proof = LogProof(
        key=values["Log"],
        index=_number(values["Index"]),
        size=_number(values["TreeSize"]),
        salt=_bytes(values["Salt"]),
        links=links,
        path=tuple(packed[at : at + ENTRY_BYTES] for at in range(0, len(packed), ENTRY_BYTES)),
        checkpoint=values["Checkpoint"],
    )
    lengths = {len(each) for each in (*proof.path, links.in_mailbox, links.of_message)} - {0, ENTRY_BYTES}
    if lengths or len(proof.salt) != SALT_BYTES or len(proof.path) > _MOST_STEPS or not links.number:
        raise ValueError
    return proof


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise ValueError
    return int(text)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _name(child: etree._Element) -> str:
    tag = str(child.tag)
    if not tag.startswith(_L) or len(child):
        raise ValueError
    return tag.removeprefix(_L)


def _line(name: str, value: str) -> str:
    if not _PLAIN.fullmatch(value):
        raise Misuse(f"{name} would have to be escaped")
    return f"<{name}>{value}</{name}>\n"
