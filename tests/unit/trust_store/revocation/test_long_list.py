"""A list of 300,000 entries, as the largest authorities have: it is used like any other, and the time that takes is noted."""

from __future__ import annotations

import time
from dataclasses import replace

from asn1crypto import crl as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority.telling import list_der, names_place
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.lists import load_list

ENTRIES = 300_000


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def long_list(signer, serials) -> bytes:
    """Write the list by hand: builders take minutes."""
    small = asn1.CertificateList.load(list_der(signer, number=7))
    body = small["tbs_cert_list"]
    when = body["this_update"].dump()
    entries = tlv(0x30, *(tlv(0x30, tlv(2, each.to_bytes(16)), when) for each in serials))
    before = b"".join(body[each].dump() for each in ("version", "signature", "issuer", "this_update", "next_update"))
    whole = tlv(0x30, before, entries, body["crl_extensions"].dump())
    made = signer.private_key.sign(whole, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, whole, small["signature_algorithm"].dump(), tlv(3, b"\0", made))


def test_it_is_read_and_its_first_and_its_last_entry_count(world, now, record_property):
    leaf, last = world.leaf(extra=(names_place(),)), type(world.pki)(serials=iter([2**122 + ENTRIES - 1]))
    revoked = last.make("Revoked", world.issuing, extra=(names_place(),)).certificate
    der = long_list(world.issuing, range(2**122, 2**122 + ENTRIES))
    times = {}

    def timed(what, work):
        started = time.process_time()
        found = work()
        times[what] = f"{(time.process_time() - started) * 1000:.0f} ms"
        return found

    listed = timed("read", lambda: load_list(der))
    evidence = replace(world.evidence, lists=(listed,))
    for what, certificate, expected in (
        ("first", leaf, None),
        ("further", world.leaf(), None),
        ("revoked", revoked, True),
    ):
        verdict = timed(what, lambda certificate=certificate: judge([certificate], evidence, Policy(), now))
        assert bool(verdict.reason) is bool(expected)
    assert verdict.reason.code == "certificate-revoked"
    record_property("bytes", len(der))
    for what, took in times.items():
        record_property(what, took)
    print(f"{len(der):,} bytes: {times}")
