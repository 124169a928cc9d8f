"""Signatures in PDF files, made by pyHanko: what is shown of each, and what of them is believed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from pyhanko.sign import fields

from envelopes.inside.facts import Change, Cover, MarkKind
from tests.authority import certificates
from trust_store.keys import HeldKey

FILLING = {"certify": True, "docmdp_permissions": fields.MDPPerm.FILL_FORMS}
LOCKED = {"certify": True, "docmdp_permissions": fields.MDPPerm.NO_CHANGES}


@pytest.fixture(scope="module")
def paper(papers) -> bytes:
    return papers.plain(fields_=1)


@pytest.fixture(scope="module")
def signed(papers, office, paper) -> bytes:
    return papers.sign(paper, office.signer)


def told(found) -> list[tuple[str, str]]:
    return [(each.verdict, each.reason) for each in found.signatures]


def test_a_signed_file_says_who_signed_what(office, signed) -> None:
    found = office.look(signed)
    (one,) = found.signatures
    assert (found.verdict, found.reason) == ("valid", "")
    assert (one.verdict, one.reason, one.signer) == ("valid", "", "CN=Sở Nội vụ")
    assert (one.mark.kind, one.mark.cover, one.mark.change) == (MarkKind.SIGNATURE, Cover.WHOLE, Change.NONE)
    assert (one.mark.name, one.mark.algorithm) == ("S1", "ecdsa sha256")
    assert one.mark.claimed_time is not None
    assert (one.stamped_at, one.judged_at, one.later) == (None, office.now, "")
    assert "Sở Nội vụ" in found.text
    assert one.judgement is not None
    assert {check.outcome for check in one.judgement.checks} == {"valid"}


def test_organisation_and_unit_are_shown_as_certified(papers, office, paper) -> None:
    subject = certificates.name("Nguyễn Văn A", o="UBND tỉnh Thanh Hóa")
    (one,) = office.look(papers.sign(paper, office.key(subject))).signatures
    assert (one.organisation, one.unit) == ("UBND tỉnh Thanh Hóa", "")


def test_two_signatures_are_two_findings_oldest_first(papers, office, signed) -> None:
    found = office.look(papers.sign(signed, office.other, "S2"))
    assert found.verdict == "valid"
    assert [each.signer for each in found.signatures] == ["CN=Sở Nội vụ", "CN=Công ty Lam Sơn"]
    assert [each.mark.cover for each in found.signatures] == [Cover.REVISION, Cover.WHOLE]
    assert [each.mark.change for each in found.signatures] == [Change.FORM, Change.NONE]


def test_a_file_without_a_signature_says_so(papers, office) -> None:
    found = office.look(papers.plain())
    assert (found.verdict, found.reason, found.signatures) == ("unsigned", "file-unsigned", ())


@pytest.mark.parametrize("way", ["replace_text", "overlay", "swap_page"])
def test_whatever_changes_what_is_shown_spoils_the_signature(papers, office, signed, way) -> None:
    """Shadow attacks (Mainka and others, NDSS 2021): hide, replace, hide and replace."""
    found = office.look(papers.changed(signed, getattr(papers, way)))
    assert told(found) == [("invalid", "pdf-changed-after")]
    assert (found.verdict, found.signatures[0].mark.change) == ("invalid", Change.OTHER)
    assert found.signatures[0].mark.cover is Cover.REVISION


def test_a_second_signature_does_not_hide_a_change_before_it(papers, office, signed) -> None:
    found = office.look(papers.sign(papers.changed(signed, papers.replace_text), office.other, "S2"))
    assert told(found) == [("invalid", "pdf-changed-after"), ("valid", "")]
    assert found.verdict == "invalid"


def test_filling_in_a_form_is_told_and_allowed(papers, office, signed) -> None:
    found = office.look(papers.changed(signed, papers.fill))
    assert told(found) == [("valid", "")]
    assert found.signatures[0].mark.change is Change.FORM
    assert "form entries" in found.signatures[0].text


def test_a_certified_file_takes_what_it_allows_and_nothing_else(papers, office, paper) -> None:
    filling, locked = papers.sign(paper, office.signer, **FILLING), papers.sign(paper, office.signer, **LOCKED)
    assert office.look(filling).signatures[0].mark.kind is MarkKind.CERTIFICATION
    assert told(office.look(papers.changed(filling, papers.fill))) == [("valid", "")]
    assert told(office.look(papers.changed(locked, papers.fill))) == [("invalid", "pdf-change-forbidden")]
    assert told(office.look(papers.changed(locked, papers.overlay))) == [("invalid", "pdf-changed-after")]


def test_one_byte_of_the_signed_part_is_enough(office, signed) -> None:
    found = office.look(signed.replace(b"(Cong van so 12)", b"(Cong van so 13)"))
    assert told(found) == [("invalid", "pdf-content-changed")]


def test_a_signature_by_another_key_is_not_the_certificates(papers, office, paper) -> None:
    thief = HeldKey(
        certificate=office.signer.certificate, private_key=office.other.private_key, chain=office.signer.chain
    )
    assert told(office.look(papers.sign(paper, thief))) == [("invalid", "signature-mismatch")]


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        (lambda gap, size: (0, gap.start - 20, gap.end, size - gap.end), "a gap before"),
        (lambda gap, size: (0, gap.start, gap.end + 20, size - gap.end - 20), "a gap behind"),
        (lambda gap, size: (0, gap.start, gap.end, size - gap.end + 1000), "beyond the end"),
        (lambda gap, size: (0, gap.start, gap.end - 5, size - gap.end), "shifted, and of the right length"),
        (lambda gap, size: (10, gap.start - 10, gap.end, size - gap.end), "not from the beginning"),
        (lambda gap, size: (-1, gap.start, gap.end, size - gap.end), "negative"),
        (lambda gap, size: (0, 10, size - 10, 10), "nearly nothing"),
        (lambda gap, size: (0, 0, 0, 0), "nothing"),
        (lambda gap, size: (0, size, size, 0), "itself"),
        (lambda gap, size: (0, gap.start, gap.end, 99_999_999), "absurd"),
    ],
)  # fmt: skip
def test_no_other_byte_range_is_taken_though_it_is_signed_well(papers, office, signed, ranges, why) -> None:
    found = office.look(papers.forge(signed, office.signer, ranges(papers.gap_of(signed), len(signed))))
    assert told(found) == [("invalid", "pdf-byte-range")], why


def test_a_range_that_stops_before_the_end_of_its_revision_is_told(papers, office, signed) -> None:
    gap = papers.gap_of(signed)
    found = office.look(papers.forge(signed, office.signer, (0, gap.start, gap.end, len(signed) - gap.end - 30)))
    assert told(found) == [("invalid", "pdf-byte-range")]


def test_the_forger_of_these_tests_makes_good_signatures(papers, office, signed) -> None:
    gap = papers.gap_of(signed)
    again = papers.forge(signed, office.signer, (0, gap.start, gap.end, len(signed) - gap.end))
    assert told(office.look(again)) == [("valid", "")]


def test_what_stands_in_the_gap_must_be_the_signature(papers, office, signed) -> None:
    """Padding that is not read by some readers, and is by others."""
    gap = papers.gap_of(signed)
    work = bytearray(signed)
    work[gap.end - 21 : gap.end - 1] = b" " * 20
    assert told(office.look(bytes(work))) == [("invalid", "pdf-byte-range")]


@pytest.mark.parametrize("digest", ["sha1", "sha224"])
def test_a_weak_digest_is_refused(papers, office, signed, digest) -> None:
    gap = papers.gap_of(signed)
    forged = papers.forge(signed, office.signer, (0, gap.start, gap.end, len(signed) - gap.end), digest=digest)
    assert told(office.look(forged)) == [("invalid", "digest-algorithm")]


def test_other_kinds_of_signature_are_told(papers, office, signed) -> None:
    found = office.look(signed.replace(b"/ETSI.CAdES.detached", b"/adbe.x509.rsa_sha1\n"))
    assert told(found) == [("unknown", "pdf-signature-kind")]


def _judged(papers, office, paper, key, **more):
    (one,) = office.look(papers.sign(paper, key), **more).signatures
    return one.verdict, one.reason


def test_signers_are_judged_by_our_judge(papers, office, paper) -> None:
    start, end = office.ago(days=900), office.ago(days=10)
    assert _judged(papers, office, paper, office.key(start=start, end=end)) == ("invalid", "certificate-expired")
    wrong = office.key(purposes=("1.3.6.1.5.5.7.3.1",))
    assert _judged(papers, office, paper, wrong) == ("invalid", "extended-key-usage")
    assert _judged(papers, office, paper, office.key(usages=("key_encipherment",))) == ("invalid", "key-usage")
    revoked = [(office.signer, office.ago(days=1))]
    assert _judged(papers, office, paper, office.signer, revoked=revoked) == ("invalid", "certificate-revoked")
    assert _judged(papers, office, paper, office.signer, trusted=False) == ("unknown", "anchor-missing")


def test_names_prove_nothing(papers, office, paper) -> None:
    """Cloned names: a self-made root and authority with the very names of the trusted ones."""
    false_root = office.pki.authority("Root")
    false = office.pki.make("Sở Nội vụ", office.pki.authority("Issuing", false_root))
    verdict, reason = _judged(papers, office, paper, false)
    assert verdict == "invalid"
    assert reason not in {"", "anchor-missing"}
    selfmade = office.pki.make("Sở Nội vụ")
    assert _judged(papers, office, paper, selfmade)[0] == "invalid"


def test_a_revocation_after_the_file_came_is_told_and_spoils_nothing(office, signed) -> None:
    (one,) = office.look(signed, at=office.ago(days=9), revoked=[(office.signer, office.ago(days=2))]).signatures
    assert (one.verdict, one.later[:13]) == ("valid", "Revoked later")


def test_a_believed_time_stamp_is_the_moment_to_judge_at(papers, office, paper) -> None:
    at = office.ago(days=20)
    data = papers.sign(paper, office.signer, stamps=papers.stamper(office.stamping, at))
    (one,) = office.look(data, revoked=[(office.signer, office.ago(days=5))]).signatures
    assert (one.verdict, one.stamped_at, one.judged_at, one.stamped_by) == ("valid", at, at, "CN=TSA")
    assert one.later.startswith("Revoked later")
    (one,) = office.look(data, revoked=[(office.signer, office.ago(days=25))]).signatures
    assert one.reason == "certificate-revoked"


def test_a_time_stamp_of_somebody_else_proves_nothing(papers, office, paper) -> None:
    revoked = [(office.signer, office.ago(days=5))]
    ordinary, selfmade = (
        office.key("TSA", key=office.rsa_key),
        office.pki.make("TSA", key=office.rsa_key, extra=papers.STAMPING),
    )
    for key in (ordinary, selfmade):
        data = papers.sign(paper, office.signer, stamps=papers.stamper(key, office.ago(days=20)))
        (one,) = office.look(data, revoked=revoked).signatures
        assert (one.reason, one.stamped_at) == ("certificate-revoked", None)
        (one,) = office.look(data).signatures
        assert (one.verdict, one.stamped_at) == ("valid", None)
        assert "CN=TSA" in one.text


def test_a_time_stamp_of_tomorrow_is_none(papers, office, paper) -> None:
    data = papers.sign(paper, office.signer, stamps=papers.stamper(office.stamping, office.ago(days=-1)))
    (one,) = office.look(data).signatures
    assert (one.stamped_at, one.judged_at) == (None, office.now)
    assert "was to come" in one.text


def test_document_time_stamps_prove_what_came_before_them(papers, office, signed) -> None:
    at = office.ago(days=20)
    data = papers.stamp(signed, office.stamping, at)
    found = office.look(data, revoked=[(office.signer, office.ago(days=5))])
    signature, stamp = found.signatures
    assert (signature.verdict, signature.judged_at, signature.mark.change) == ("valid", at, Change.ARCHIVAL)
    assert (stamp.verdict, stamp.mark.kind, stamp.stamped_at, stamp.signer) == (
        "valid",
        MarkKind.TIME_STAMP,
        at,
        "CN=TSA",
    )
    revoked = [(office.stamping, office.ago(days=30)), (office.signer, office.ago(days=5))]
    assert told(office.look(data, revoked=revoked)) == [("invalid", "certificate-revoked")] * 2


def test_what_only_a_lenient_reader_reads_is_shown_and_not_believed(papers, office) -> None:
    found = office.look(papers.irregular(office.signer))
    assert told(found) == [("unknown", "pdf-irregular")]
    assert found.signatures[0].signer == "CN=Sở Nội vụ"


POPPLER = shutil.which("pdfsig")


@pytest.mark.skipif(not POPPLER, reason="pdfsig (poppler-utils) is not installed: 6 comparisons left out")
def test_poppler_agrees_about_the_arithmetic(papers, office, signed, tmp_path) -> None:
    """poppler looks at digest and signature, not at later changes; where we say more, it is about those."""
    cases = {
        signed: ["valid"],
        papers.sign(signed, office.other, "S2"): ["valid", "valid"],
        signed.replace(b"(Cong van so 12)", b"(Cong van so 13)"): ["pdf-content-changed"],
        papers.changed(signed, papers.fill): ["valid"],
        papers.sign(papers.plain(), office.signer, md_algorithm="sha512"): ["valid"],
        papers.sign(papers.plain(), office.signer, stamps=papers.stamper(office.stamping, office.now)): ["valid"],
    }
    assert len(cases) == 6
    for number, (data, expected) in enumerate(cases.items()):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(data)
        said = subprocess.run(
            [str(POPPLER), "-nocert", path], capture_output=True, text=True, check=False, timeout=60
        ).stdout
        theirs = [line.rsplit("is ", 1)[-1] == "Valid." for line in said.splitlines() if "Signature Validation" in line]
        found = office.look(data)
        assert [each.reason or "valid" for each in found.signatures] == expected
        assert theirs == [each == "valid" for each in expected], said
        if found.verdict == "valid":
            whole = [each.mark.cover is Cover.WHOLE for each in found.signatures]
            assert ["Not total" not in line for line in said.splitlines() if "otal document signed" in line] == whole, (
                said
            )
