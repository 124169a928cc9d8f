"""Chains of every kind that path validation gets wrong, each with the verdict that a written rule gives it.

The finding or the clause is part of the case. Lists come with the chains where the case is about revocation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.authority.certificates import AUTHORITY, DOCUMENTS, NOW, Pki, name, shared_key
from tests.authority.telling import list_der, names_place
from trust_store.keys import HeldKey

STRANGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
SERVER, MAIL, TIME = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.8"
YEAR = timedelta(days=365)
Extra = tuple[tuple[x509.ExtensionType, bool], ...]


@dataclass(frozen=True)
class Chain:
    """One case: what is sent, what is known and trusted, and what must come of it.

    `expect` is "valid" or the reason's code; `rule` says by which clause. `others` has what other verifiers say when it differs,
    and by which rule that is understood: `openssl`, `cryptography`, `certvalidator`.
    """

    id: str
    rule: str
    expect: str
    leaf: bytes
    between: tuple[bytes, ...]
    anchors: tuple[bytes, ...]
    lists: tuple[bytes, ...] = ()
    required: bool = False
    policies: frozenset[str] = frozenset()
    explicit: bool = False
    others: tuple[tuple[str, str], ...] = ()

    @property
    def explained(self) -> dict[str, str]:
        """Give who may differ, and why."""
        return dict(self.others)


CASES: list[Callable[[], Iterator[Chain]]] = []


def cases(make: Callable[[], Iterator[Chain]]) -> Callable[[], Iterator[Chain]]:
    """Register a group of cases."""
    CASES.append(make)
    return make


@cache
def everything() -> tuple[Chain, ...]:
    """Make all cases once."""
    return tuple(each for make in CASES for each in make())


def der(*held: HeldKey) -> tuple[bytes, ...]:
    return tuple(each.certificate.der for each in held)


def signed(parsed: asn1.Certificate, issuer: HeldKey) -> bytes:
    """Sign a certificate anew after its inside was changed (ECDSA P-256)."""
    body = parsed["tbs_certificate"].dump(force=True)
    parsed["signature_value"] = issuer.private_key.sign(body, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr, arg-type, call-arg]
    return parsed.dump(force=True)


NO_LISTS = "it looks at no revocation"
ONE_PATH = "it builds one path and does not go back"
WEB_NAMES = "profile of the web: a constraint on names of directories is not understood, and refused"
UNKNOWN_CRITICAL = "it refuses the critical extension of mappings"
PURPOSE_OF_ALL = (
    ("openssl", "it asks for the purpose on the whole path"),
    ("cryptography", "profile of the web: an issuer's purpose must be the one that is asked for"),
)
NO_ADDRESS = "finding 6: without an address it looks at no list, unless revocation is required"
UNASKED = "finding 6: it does not look unless asked"
PKI = Pki()
ROOT = PKI.authority("Root")
ISSUING = PKI.authority("Issuing", ROOT)


def simple(
    case: str, rule: str, expect: str, leaf: HeldKey | bytes, *between: HeldKey, root: HeldKey = ROOT, **more
) -> Chain:
    """One leaf, what is between, one root."""
    sent = leaf if isinstance(leaf, bytes) else leaf.certificate.der
    return Chain(id=case, rule=rule, expect=expect, leaf=sent, between=der(*between), anchors=der(root), **more)


@cases
def plain() -> Iterator[Chain]:
    yield simple("plain", "RFC 5280, 6.1", "valid", PKI.make("A", ISSUING), ISSUING)
    yield simple("no-path", "RFC 5280, 6.1", "path-untrusted", PKI.make("A", ISSUING))
    other = PKI.authority("Issuing", PKI.authority("Root"))
    yield simple("cloned-names", "RFC 5280, 6.1.3 (a)(1)", "path-untrusted", PKI.make("A", other), other)
    for kind in ("ed25519", "P-384", "2048/65537"):
        issuer = PKI.authority(f"Over {kind}", ROOT, key=shared_key(kind))
        why = (("cryptography", "profile of the web: no Ed25519"),) if kind == "ed25519" else ()
        yield simple(f"key-{kind}", "algorithm policy", "valid", PKI.make("A", issuer), issuer, others=why)
    yield _pss()


def _pss() -> Chain:
    key = shared_key("2048/65537")
    issuer = PKI.authority("Over PSS", ROOT, key=key)
    leaf = PKI.make("A", issuer).certificate.x509
    builder = (
        x509.CertificateBuilder().subject_name(leaf.subject).issuer_name(leaf.issuer).public_key(leaf.public_key())
    )
    builder = builder.serial_number(leaf.serial_number).not_valid_before(leaf.not_valid_before_utc)
    builder = builder.not_valid_after(leaf.not_valid_after_utc)
    for each in leaf.extensions:
        builder = builder.add_extension(each.value, each.critical)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    made = builder.sign(key, hashes.SHA256(), rsa_padding=pss)  # type: ignore[arg-type]
    return simple("signed-pss", "RFC 4055", "valid", made.public_bytes(Encoding.DER), issuer)


@cases
def hanging() -> Iterator[Chain]:
    """Finding 6: builders that try every order of authorities that name each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    same = [PKI.authority("Loop", PKI.authority("Loop", key=key), key=key, identifiers=False) for _ in range(40)]
    lost = PKI.make("A", same[0], identifiers=False)
    yield simple("forty-of-one-name", "bounded work", "path-untrusted", lost, *same)
    ring = [PKI.authority(f"Ring {each}") for each in range(7)]
    crossed = [
        PKI.authority(f"Ring {one}", ring[other], key=ring[one].private_key)
        for one in range(7)
        for other in range(7)
        if one != other
    ]
    yield simple("cyclic-cross-certificates", "bounded work", "path-untrusted", PKI.make("A", ring[0]), *crossed)
    ways = (("openssl", ONE_PATH), ("cryptography", "it gives up at a number of signatures"))
    way_out = PKI.authority("Ring 6", ROOT, key=ring[6].private_key)
    yield simple(
        "cycle-with-a-way-out",
        "one that holds is enough",
        "valid",
        PKI.make("A", ring[0]),
        *crossed,
        way_out,
        others=ways,
    )
    limit = x509.NameConstraints(None, [x509.DirectoryName(name("A"))])
    strict = PKI.authority("Ring 6", ROOT, key=ring[6].private_key, extra=((limit, True),))
    yield simple("cycle-that-always-fails", "bounded work", "path-untrusted", PKI.make("A", ring[0]), *crossed, strict)
    many = [PKI.authority("Same", ROOT, identifiers=False) for _ in range(50)]
    yield simple(
        "right-one-of-fifty", "RFC 4158, 2", "valid", PKI.make("A", many[37], identifiers=False), *many, others=ways[:1]
    )


@cases
def revocation() -> Iterator[Chain]:
    told, root_list = (names_place(),), list_der(ROOT)
    no_lists = (("cryptography", NO_LISTS),)
    for case, leaf in (
        ("revoked-with-address", PKI.make("A", ISSUING, extra=told)),
        ("revoked-without-address", PKI.make("A", ISSUING)),
    ):
        for required in (False, True):
            yield simple(
                f"{case}{'-required' if required else ''}",
                "finding 6: a missing address hides no revocation",
                "certificate-revoked",
                leaf,
                ISSUING,
                lists=(root_list, list_der(ISSUING, [leaf.certificate])),
                required=required,
                others=no_lists
                if required or case == "revoked-with-address"
                else (*no_lists, ("certvalidator", NO_ADDRESS)),
            )
    leaf = PKI.make("A", ISSUING)
    yield simple(
        "required-and-nothing-known",
        "RFC 5280, 6.3",
        "revocation-not-known",
        leaf,
        ISSUING,
        required=True,
        others=no_lists,
    )
    good = (root_list, list_der(ISSUING))
    yield simple("required-and-known", "RFC 5280, 6.3", "valid", leaf, ISSUING, lists=good, required=True)
    between = PKI.authority("Revoked issuer", ROOT)
    lists = (list_der(ROOT, [between.certificate]), list_der(between))
    yield simple(
        "revoked-issuer",
        "RFC 5280, 6.1.3 (a)(3)",
        "certificate-revoked",
        PKI.make("A", between),
        between,
        lists=lists,
        others=(*no_lists, ("certvalidator", NO_ADDRESS)),
    )
    cross = PKI.authority("Revoked issuer", ROOT, key=between.private_key)
    why = (("openssl", "it tries one path and no other after a revocation"),)
    yield simple(
        "first-path-revoked",
        "one that holds is enough",
        "valid",
        PKI.make("A", between),
        between,
        cross,
        lists=lists,
        required=True,
        others=why,
    )


@cases
def candidates() -> Iterator[Chain]:
    """Several paths: the first is expired or constrained, and another holds."""
    key = ec.generate_private_key(ec.SECP256R1())
    expired = PKI.authority("Twice", ROOT, key=key, end=NOW - YEAR)
    constraint = x509.NameConstraints(None, [x509.DirectoryName(name("A"))])
    strict = PKI.authority("Twice", ROOT, key=key, extra=((constraint, True),))
    short = PKI.authority("Short", ROOT, pathlen=0)
    below_short = PKI.authority("Twice", short, key=key)
    good = PKI.authority("Twice", ROOT, key=key)
    leaf = PKI.make("A", good)
    backtracks = (("openssl", ONE_PATH),)
    yield simple("other-path-when-one-expired", "RFC 4158, 2.4", "valid", leaf, expired, good)
    yield simple(
        "other-path-when-one-constrained",
        "RFC 4158, 2.4",
        "valid",
        leaf,
        strict,
        good,
        others=(*backtracks, ("cryptography", WEB_NAMES)),
    )
    yield simple(
        "other-path-when-one-too-long", "RFC 4158, 2.4", "valid", leaf, below_short, short, good, others=backtracks
    )
    yield simple("only-expired", "RFC 5280, 6.1.3 (a)(2)", "certificate-expired", leaf, expired)
    yield simple("only-constrained", "RFC 5280, 4.2.1.10", "path-untrusted", leaf, strict)


@cases
def anchors() -> Iterator[Chain]:
    old = PKI.authority("Old root", end=NOW - YEAR)
    yield simple(
        "expired-anchor",
        "finding 6; RFC 5937",
        "certificate-expired",
        PKI.make("A", old),
        root=old,
        others=(("certvalidator", UNASKED),),
    )
    young = PKI.authority("Young root", start=NOW + YEAR)
    yield simple(
        "anchor-not-yet",
        "RFC 5937",
        "certificate-not-yet-valid",
        PKI.make("A", young),
        root=young,
        others=(("certvalidator", UNASKED),),
    )
    inside, outside = _in("Inside"), _in("Outside")
    only = PKI.authority("Only inside", extra=((x509.NameConstraints([x509.DirectoryName(inside)], None), True),))
    binds = (("certvalidator", UNASKED),)
    yield simple(
        "anchor-constraint-outside",
        "finding 6; RFC 5937",
        "path-untrusted",
        PKI.make(_in("Outside", "A"), only),
        root=only,
        others=binds,
    )
    yield simple(
        "anchor-constraint-inside",
        "RFC 5937",
        "valid",
        PKI.make(_in("Inside", "A"), only),
        root=only,
        others=(("cryptography", WEB_NAMES),),
    )
    flat = PKI.authority("Flat", pathlen=0)
    deep = PKI.authority("Below flat", flat)
    yield simple(
        "anchor-path-length",
        "finding 6; RFC 5937",
        "path-untrusted",
        PKI.make("A", deep),
        deep,
        root=flat,
        others=binds,
    )
    assert inside != outside


def _in(unit: str, holder: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, unit)]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, holder)] if holder else parts)


@cases
def constraints() -> Iterator[Chain]:
    rule = "RFC 5280, 4.2.1.10"
    permitted = x509.NameConstraints([x509.DirectoryName(_in("Inside"))], None)
    excluded = x509.NameConstraints(None, [x509.DirectoryName(_in("Inside"))])
    mails = x509.NameConstraints([x509.RFC822Name("gov.example")], [x509.RFC822Name("bad@gov.example")])
    web = (("cryptography", WEB_NAMES),)
    for case, limit, subject, expect in (
        ("permitted-inside", permitted, _in("Inside", "A"), "valid"),
        ("permitted-outside", permitted, _in("Outside", "A"), "path-untrusted"),
        ("permitted-other-case", permitted, _in("INSIDE", "A"), "valid"),
        ("excluded-inside", excluded, _in("Inside", "A"), "path-untrusted"),
        ("excluded-other-case", excluded, _in("inSIDE", "A"), "path-untrusted"),
        ("excluded-more-white-space", excluded, _in(" Inside ", "A"), "path-untrusted"),
        ("excluded-outside", excluded, _in("Outside", "A"), "valid"),
    ):
        issuer = PKI.authority(
            _in("Inside") if limit is permitted else _in("Constrained"), ROOT, extra=((limit, True),)
        )
        yield simple(
            f"names-{case}", rule, expect, PKI.make(subject, issuer), issuer, others=web if expect == "valid" else ()
        )
    issuer = PKI.authority("Mails", ROOT, extra=((mails, True),))
    for address, expect in (
        ("a@gov.example", "valid"),
        ("bad@gov.example", "path-untrusted"),
        ("a@evil.example", "path-untrusted"),
    ):
        mail = (x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)
        yield simple(f"mail-{address}", rule, expect, PKI.make("A", issuer, extra=(mail,)), issuer)
    old = name("A").rdns, x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@evil.example")])
    subject = x509.Name([*old[0], old[1]])
    yield simple(
        "mail-in-the-subject",
        f"{rule}: emailAddress too",
        "path-untrusted",
        PKI.make(subject, issuer),
        issuer,
        others=web,
    )


@cases
def policies() -> Iterator[Chain]:
    rule, ours = "RFC 5280, 6.1.5", (("cryptography", "it knows no policies"),)
    one, two = x509.ObjectIdentifier("1.2.3.1"), x509.ObjectIdentifier("1.2.3.2")

    def says(*oids: x509.ObjectIdentifier) -> Extra:
        return ((x509.CertificatePolicies([x509.PolicyInformation(each, None) for each in oids]), False),)

    asked = {"policies": frozenset({"1.2.3.1"}), "explicit": True, "others": ours}
    issuer = PKI.authority("Policies", ROOT, extra=says(one))
    for case, leaf, expect in (
        ("held", says(one), "valid"),
        ("other", says(two), "path-untrusted"),
        ("none", (), "path-untrusted"),
    ):
        yield simple(
            f"policy-{case}",
            rule,
            expect,
            PKI.make("A", issuer, extra=leaf),
            issuer,
            **{**asked, "others": () if expect == "valid" else ours},
        )
    mapped = ((_mapping(one, two), True), *says(one))
    mapping = PKI.authority("Mapping", ROOT, extra=mapped)
    yield simple(
        "policy-mapped",
        "RFC 5280, 6.1.4 (b)",
        "valid",
        PKI.make("A", mapping, extra=says(two)),
        mapping,
        **{**asked, "others": (("cryptography", UNKNOWN_CRITICAL),)},
    )
    constrained = ((x509.PolicyConstraints(0, None), True), *says(one))
    strict = PKI.authority("Requires", ROOT, extra=constrained)
    web = (("openssl", "it looks at policies when told to"),)
    yield simple(
        "policy-required-by-the-issuer",
        "RFC 5280, 4.2.1.11",
        "path-untrusted",
        PKI.make("A", strict),
        strict,
        others=web,
    )


def _mapping(one: x509.ObjectIdentifier, two: x509.ObjectIdentifier) -> x509.UnrecognizedExtension:
    value = asn1.PolicyMappings(
        [{"issuer_domain_policy": one.dotted_string, "subject_domain_policy": two.dotted_string}]
    )
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value.dump())


@cases
def lengths() -> Iterator[Chain]:
    rule = "RFC 5280, 4.2.1.9"
    flat = PKI.authority("Flat", ROOT, pathlen=0)
    deep = PKI.authority("Deep", flat)
    yield simple("path-length", rule, "path-untrusted", PKI.make("A", deep), deep, flat)
    renewed = PKI.authority("Flat", flat)
    why = (("cryptography", "it counts self-issued certificates"),)
    yield simple(
        "path-length-self-issued",
        f"{rule}: self-issued ones do not count",
        "valid",
        PKI.make("A", renewed),
        renewed,
        flat,
        others=why,
    )
    line = [ROOT]
    for each in range(10):
        line.append(PKI.authority(f"Level {each}", line[-1]))
    yield simple("ten-levels", "bounded at twelve", "valid", PKI.make("A", line[-1]), *line[1:])
    for each in range(10, 13):
        line.append(PKI.authority(f"Level {each}", line[-1]))
    yield simple(
        "thirteen-levels", "bounded at twelve", "path-untrusted", PKI.make("A", line[-1]), *line[1:],
        others=(("openssl", "its bound is 100"), ("certvalidator", "it has no bound")),
    )  # fmt: skip


@cases
def identifiers() -> Iterator[Chain]:
    rule = "RFC 5280, 6.1.3: the key decides; its identifier helps to find it"
    wrong = (x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None), False)
    leaf = PKI.make("A", ISSUING, identifiers=False, extra=(wrong,))
    why = (
        ("openssl", "it compares key identifiers"),
        ("certvalidator", "it compares key identifiers"),
    )
    yield simple("key-identifier-of-another", rule, "valid", leaf, ISSUING, others=why)


@cases
def extensions() -> Iterator[Chain]:
    rule = "RFC 5280, 4.2"
    for critical, expect in ((True, "path-untrusted"), (False, "valid")):
        mark = "critical" if critical else "plain"
        yield simple(
            f"strange-{mark}-on-leaf", rule, expect, PKI.make("A", ISSUING, extra=((STRANGE, critical),)), ISSUING
        )
        issuer = PKI.authority(f"Strange {mark}", ROOT, extra=((STRANGE, critical),))
        yield simple(f"strange-{mark}-on-issuer", rule, expect, PKI.make("A", issuer), issuer)
    parsed = asn1.Certificate.load(PKI.make("A", ISSUING).certificate.der)
    found = parsed["tbs_certificate"]["extensions"]
    found.append(found[1].copy())
    web = (("certvalidator", "it takes two of one extension"),)
    yield simple("extension-twice", rule, "certificate-malformed", signed(parsed, ISSUING), ISSUING, others=web)
    for case, purposes in (("server", (SERVER,)), ("mail", (MAIL,)), ("time", (TIME,))):
        issuer = PKI.authority(f"Purpose {case}", ROOT, purposes=purposes)
        yield simple(
            f"purpose-of-issuer-{case}",
            "RFC 5280, 4.2.1.12: a purpose binds the certificate's own key, and says nothing of those below",
            "valid",
            PKI.make("A", issuer, purposes=(MAIL,)),
            issuer,
            others=PURPOSE_OF_ALL if case != "mail" else PURPOSE_OF_ALL[1:],
        )


@cases
def serials_and_times() -> Iterator[Chain]:
    lax = (("openssl", "it takes any serial number"), ("certvalidator", "it takes any serial number"))
    for case, serial, expect in (
        ("negative", -5, "certificate-malformed"),
        ("zero", 0, "certificate-malformed"),
        ("huge", 2**1100, "valid"),
        ("of-20-bytes", 2**159 - 1, "valid"),
    ):
        parsed = asn1.Certificate.load(PKI.make("A", ISSUING).certificate.der)
        parsed["tbs_certificate"]["serial_number"] = serial
        zero = (("cryptography", "it warns of it"),) if case == "zero" else ()
        web = (
            (*lax, *zero)
            if expect != "valid"
            else (("cryptography", "profile of the web: 20 bytes at most"),)
            if case == "huge"
            else ()
        )
        yield simple(f"serial-{case}", "RFC 5280, 4.1.2.2", expect, signed(parsed, ISSUING), ISSUING, others=web)
    for case, end in (
        ("without-end", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("after-2050", datetime(2050, 1, 1, tzinfo=UTC)),
    ):
        yield simple(f"time-{case}", "RFC 5280, 4.1.2.5", "valid", PKI.make("A", ISSUING, end=end), ISSUING)
    edge = PKI.make("A", ISSUING, end=datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC))
    yield simple("time-last-of-utctime", "RFC 5280, 4.1.2.5.1", "valid", edge, ISSUING)
    parsed = asn1.Certificate.load(PKI.make("A", ISSUING).certificate.der)
    parsed["tbs_certificate"]["validity"]["not_after"] = asn1.Time({"general_time": datetime(2040, 1, 1, tzinfo=UTC)})
    strict = (("cryptography", "RFC 5280, 4.1.2.5: until 2049 it must be a UTCTime"),)
    yield simple(
        "time-generalized-before-2050",
        "RFC 5280, 4.1.2.5: readers take either form",
        "valid",
        signed(parsed, ISSUING),
        ISSUING,
        others=strict,
    )


@cases
def names() -> Iterator[Chain]:
    """RFC 5280, 7.1: names are compared without regard to case and to how white space is written."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = PKI.authority("Naming  Authority", ROOT, key=key)
    byte = (("cryptography", "it compares the bytes of names"),)
    for case, written in (("case", "NAMING  authority"), ("white-space", " Naming Authority  ")):
        alias = PKI.authority(written, ROOT, key=key)
        yield simple(f"name-{case}", "RFC 5280, 7.1", "valid", PKI.make("A", alias), issuer, others=byte)
    alias = PKI.authority("Naming Authorities", ROOT, key=key)
    yield simple("name-another", "RFC 5280, 7.1", "path-untrusted", PKI.make("A", alias), issuer)


@cases
def usages() -> Iterator[Chain]:
    mute = PKI.authority("Mute", ROOT, usages=("crl_sign",))
    yield simple("issuer-may-not-certify", "RFC 5280, 6.1.4 (n)", "issuer-not-ca", PKI.make("A", mute), mute)
    leaf = PKI.make("End", ROOT)
    yield simple("issuer-is-no-authority", "RFC 5280, 6.1.4 (k)", "issuer-not-ca", PKI.make("A", leaf), leaf)
    silent = PKI.authority("Silent", ROOT, usages=None)
    web = (("cryptography", "profile of the web: key usage is asked for"),)
    yield simple(
        "issuer-without-key-usage",
        "RFC 5280, 6.1.4 (n): if it is present",
        "valid",
        PKI.make("A", silent),
        silent,
        others=web,
    )
    assert AUTHORITY
    assert DOCUMENTS
