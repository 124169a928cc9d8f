"""A receipt says the same before and after sealing, and nothing can be changed in it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.leaf import commit
from envelopes.receipt import Actor, Cause, Event, Receipt, open_receipt, read, seal, state
from envelopes.signature.algorithms import C14N_10, EXCLUSIVE
from envelopes.signature.c14n import canonicalize_document
from envelopes.xml import parse
from trust_store.errors import Misuse, Refused
from trust_store.keys import HeldKey

RECEIPT = Receipt(
    id="abc",
    event=Event.CONSIGNMENT_REJECTION,
    at=datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC),
    issuer=Actor(code="000.00.99.H56", name="Trục"),
    sender=Actor(code="2899000016", name="Công ty <A> & B"),
    receivers=(Actor(code="000.00.00.H56", name="UBND"), Actor(code="000.00.01.H56")),
    message_id="2899000016,2026/11/23,5/CV-A",
    digest="ab" * 32,
    size=1234,
    submitted_at=datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC),
    refers_to="000.00.00.H56",
    causes=(Cause(code="status-02", text="Không thuộc thẩm quyền"),),
)


def test_sealed_and_opened_it_says_the_same(key: HeldKey) -> None:
    receipt, signed = open_receipt(seal(state(RECEIPT), key))
    assert receipt == RECEIPT
    assert signed.chain[0].fingerprint == key.certificate.fingerprint


def test_a_statement_is_the_same_every_time() -> None:
    assert state(RECEIPT) == state(dataclasses.replace(RECEIPT))


@pytest.mark.parametrize("event", list(Event))
def test_every_event(event: Event, key: HeldKey) -> None:
    plain = dataclasses.replace(RECEIPT, event=event, refers_to="", causes=(), receivers=())
    assert open_receipt(seal(state(plain), key))[0] == plain


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ConsignmentRejection", b"ConsignmentAcceptance"),
        (b"2026-11-23T01:02:03.456789Z", b"2026-11-22T01:02:03.456789Z"),
        (b"<Size>1234</Size>", b"<Size>1235</Size>"),
        (b"000.00.01.H56", b"000.00.02.H56"),
    ],
)
def test_a_changed_receipt_is_refused(old: bytes, new: bytes, key: HeldKey) -> None:
    sealed = seal(state(RECEIPT), key)
    assert old in sealed
    with pytest.raises(Refused) as caught:
        open_receipt(sealed.replace(old, new))
    assert caught.value.reason.code == "content-changed"


def test_another_signed_document_is_no_receipt(key: HeldKey) -> None:
    with pytest.raises(Refused) as caught:
        open_receipt(seal(state(RECEIPT).replace(b"http://uri.etsi.org/19522/v1#", b"urn:other"), key))
    assert caught.value.reason.code == "receipt-malformed"


def test_what_is_not_written_as_statements_are_is_not_sealed(key: HeldKey) -> None:
    with pytest.raises(Misuse):
        seal(state(RECEIPT).replace(b'"UTF-8"', b"'UTF-8'"), key)


@given(text=st.text(min_size=1, max_size=60), name=st.text(max_size=60))
def test_a_statement_is_in_canonical_form(text: str, name: str) -> None:
    actor = Actor(code="1", name=name)
    statement = state(
        dataclasses.replace(RECEIPT, sender=actor, receivers=(actor, actor), causes=(Cause(code="x", text=text),))
    )
    body = statement.partition(b"\n")[2]
    for algorithm in (C14N_10, EXCLUSIVE):
        assert canonicalize_document(parse(statement), algorithm) == body


@given(st.text(max_size=200))
def test_any_text_can_be_a_cause(text: str) -> None:
    cause = Cause(code="x", text=text)
    assert b"EventReason" in state(dataclasses.replace(RECEIPT, causes=(cause,)))


@given(text=st.text(min_size=1, max_size=60))
def test_any_text_is_sealed_as_it_is_stated(key: HeldKey, text: str) -> None:
    statement = state(dataclasses.replace(RECEIPT, causes=(Cause(code="x", text=text),)))
    sealed = seal(statement, key)
    stated, _ = open_receipt(sealed)
    assert stated == read(parse(statement).getroot())
    body = statement.partition(b"\n")[2].removesuffix(b"</Evidence>")
    assert sealed.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"<ds:Signature ")
    assert sealed.endswith(b"</ds:Signature></Evidence>")


def test_a_leaf_depends_on_statement_and_salt_and_hides_both() -> None:
    leaf = commit(b"statement", b"s" * 16)
    assert len(leaf) == 32
    assert leaf == commit(b"statement", b"s" * 16)
    assert leaf != commit(b"statement", b"t" * 16)
    assert leaf != commit(b"Statement", b"s" * 16)
