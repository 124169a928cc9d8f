"""Measure what belief in a signer costs: `python -m bench.trust`, and within `python -m bench`.

Each figure stands beside one bare check of an ECDSA P-256 signature in the same run. Everything is in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from envelopes import xml
from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.signature.sign import sign
from envelopes.signature.verify import place_of, verify
from trust_store.certificate import Certificate, load
from trust_store.evidence import Asking, Evidence, Terms
from trust_store.judge import judge
from trust_store.keys import HeldKey
from trust_store.policy import Policy
from trust_store.revocation.answers import OcspAnswer, load_answer
from trust_store.revocation.lists import RevocationList, load_list

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
LONG = 60_000
"""Entries of the long list: a fifth of what a large authority has, as making it takes longer than using it."""


def main() -> None:
    """Print a line for each part."""
    root = issue("Root", None)
    issuing = issue("Issuing", root)
    signer, other = issue("Signer", issuing, ca=False), issue("Other", issuing, ca=False)
    bare = bare_check()
    print(f"one bare check of an ECDSA P-256 signature: {bare * 1e6:.0f} us; what belief costs, in such checks:")
    signature(signer, bare)

    short, answer = (tell(root), tell(issuing)), answer_about(signer.certificate, issuing)
    anchor = root.certificate
    unasked = Evidence(
        anchors=(anchor,),
        intermediates=(issuing.certificate,),
        terms={anchor.fingerprint: Terms(asking=Asking.LOCAL)},
    )
    required = replace(unasked, terms={anchor.fingerprint: Terms(asking=Asking.REQUIRED)}, lists=short)
    leaf, policy = signer.certificate, Policy()

    def judged(evidence: Evidence, certificate: Certificate = leaf) -> Callable[[], object]:
        assert judge([certificate], evidence, policy, NOW).reason is None
        return lambda: judge([certificate], evidence, policy, NOW)

    path, whole = clock(judged(unasked)), clock(judged(required))
    show("path, remembered", path, bare)
    show("path and revocation, remembered", whole, bare)
    show("of that, revocation", max(0.0, whole - path), bare)
    show("by an OCSP answer, remembered", clock(judged(replace(required, lists=short[:1], answers=(answer,)))), bare)
    show("path and revocation, the path known", clock(lambda: judge([leaf], replace(required), policy, NOW)), bare)
    show("path and revocation, nothing known", clock(lambda: judge([leaf], new(required), policy, NOW)), bare)
    long(required, root, issuing, other, bare)


def long(required: Evidence, root: HeldKey, issuing: HeldKey, signer: HeldKey, bare: float) -> None:
    """Show what a long list costs once, and for each signer that is new to it."""
    started = time.perf_counter()
    listed = tell(issuing, LONG)
    loaded = time.perf_counter()
    evidence = replace(required, lists=(tell(root), listed))
    verdict = judge([signer.certificate], evidence, Policy(), NOW)
    first = time.perf_counter() - loaded
    assert verdict.reason is None
    again = clock(lambda: judge([signer.certificate], replace(evidence), Policy(), NOW))
    print(f"a list of {LONG:,} entries was made and read in {loaded - started:.1f} s")
    show("the first signer judged by it", first, bare)
    show("each further one", again, bare)


def signature(signer: HeldKey, bare: float) -> None:
    """Show what the signature over a letter of 3 KB costs: parsing, canonicalising, digests and the check itself."""
    drafted = draft_letter(
        sender=Organ(organ_id="A"),
        receivers=[Organ(organ_id="B")],
        number="1",
        notation="CV",
        subject="V/v đo tốc độ",
        at=NOW,
    )
    data = sign(build(drafted), signer)

    def check() -> None:
        tree = xml.parse(data)
        verify(tree, place_of(tree.getroot()))

    show(f"signature over a letter of {len(data):,} bytes", clock(check), bare)


def issue(subject: str, issuer: HeldKey | None, *, ca: bool = True) -> HeldKey:
    """Issue a certificate over a new P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
    builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
    builder = builder.issuer_name(issuer.certificate.x509.subject if issuer else name)
    builder = (
        builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - DAY).not_valid_after(NOW + 9 * DAY)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True).add_extension(usage, critical=True)
    made = builder.sign(issuer.private_key if issuer else key, hashes.SHA256())
    return HeldKey(certificate=load(made.public_bytes(Encoding.DER)), private_key=key)


def tell(signer: HeldKey, entries: int = 10) -> RevocationList:
    """Write and read a list that names none of the signers."""
    made = x509.CertificateRevocationListBuilder(
        signer.certificate.x509.subject,
        NOW - DAY,
        NOW + DAY,
        [],
        [x509.RevokedCertificateBuilder(x509.random_serial_number(), NOW - DAY).build() for _ in range(entries)],
    )
    return load_list(made.sign(signer.private_key, hashes.SHA256()).public_bytes(Encoding.DER))


def answer_about(certificate: Certificate, issuer: HeldKey) -> OcspAnswer:
    """Answer that a certificate is good."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate.x509,
        issuer.certificate.x509,
        hashes.SHA256(),
        ocsp.OCSPCertStatus.GOOD,
        NOW - DAY,
        NOW + DAY,
        None,
        None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate.x509)
    return load_answer(builder.sign(issuer.private_key, hashes.SHA256()).public_bytes(Encoding.DER))


def bare_check() -> float:
    """Check one signature with nothing around it."""
    key = ec.generate_private_key(ec.SECP256R1())
    made, public = key.sign(b"data", ec.ECDSA(hashes.SHA256())), key.public_key()
    return clock(lambda: public.verify(made, b"data", ec.ECDSA(hashes.SHA256())))


def new(evidence: Evidence) -> Evidence:
    """Copy evidence without its memory of paths, and of who signed which list."""
    fresh = Evidence(anchors=evidence.anchors, intermediates=evidence.intermediates, terms=evidence.terms)
    return replace(fresh, lists=tuple(replace(each) for each in evidence.lists))


def show(what: str, seconds: float, bare: float) -> None:
    """Print one line."""
    print(f"  {what:<40} {seconds * 1e6:10,.0f} us  x{seconds / bare:,.2f}")


def clock(work: Callable[[], object]) -> float:
    """Return the best of seven series, in seconds of processor time for one run: other programs do not count."""
    times, best = 1, float("inf")
    while _series(work, times) < 0.02 and times < 4096:
        times *= 2
    for _ in range(7):
        best = min(best, _series(work, times) / times)
    return best


def _series(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
