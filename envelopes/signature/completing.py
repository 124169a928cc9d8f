"""Gather what shows later how certificates stood (EN 319 132-1, 5.4 and 5.5.1), from what is known now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from envelopes import xml
from envelopes.signature import raising
from envelopes.signature.lasting import Lasting, asking_everywhere, assess
from envelopes.signature.unsigned import ValueKind
from envelopes.signature.verify import Signed, place_of, verify
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.timestamp import judge_token
from trust_store.token import Token, load_token
from trust_store.verdict import Check, Verdict

_NAMED: Final = re.compile(r"[0-9a-f]{64}")


def read_level(document: bytes, evidence: Evidence, policy: Policy, now: datetime) -> Lasting:
    """Verify a document and judge the level that it has.

    Raises:
        Refused: it has no signature that holds.
    """
    return assess(_open(document), evidence, policy, now)


def write_known(
    document: bytes, evidence: Evidence, policy: Policy, now: datetime, *, stamps_only: bool = False
) -> str:
    """Write the values that a document lacks, for its signer and its time-stamps, as far as they are known here.

    With `stamps_only`, those of its time-stamps alone, as TimeStampValidationData. Empty when nothing is missing.

    Raises:
        Refused: it has no signature that holds.
    """
    signed = _open(document)
    tokens = tuple(_tokens(signed))
    known = (*signed.chain, *evidence.anchors, *evidence.intermediates, *_carried(tokens))
    at = assess(signed, evidence, policy, now).proven or now
    intermediates = (*evidence.intermediates, *_carried(tokens))
    within = replace(evidence, intermediates=intermediates, terms=asking_everywhere(evidence))
    verdicts = [judge_token(each, each.imprint, within, policy) for each in tokens]
    if not stamps_only:
        verdicts.append(judge(signed.chain, within, policy, at))
    present = {each.der for each in signed.unsigned.values} | {signed.chain[0].der}
    digests = {digest for each in verdicts for digest in _named(each.checks)}
    certificates = [each.der for each in _on_paths(known, verdicts) if each.der not in present]
    lists = [each.der for each in evidence.lists if each.digest in digests and each.der not in present]
    answers = [each.der for each in evidence.answers if each.digest in digests and each.der not in present]
    if not (certificates or lists or answers):
        return ""
    write = raising.write_stamp_values if stamps_only or _has_values(signed) else raising.write_values
    return write(certificates, lists, answers)


def _open(document: bytes) -> Signed:
    tree = xml.parse(document)
    return verify(tree, place_of(tree.getroot()))


def _tokens(signed: Signed) -> Iterator[Token]:
    for each in signed.unsigned.stamps:
        try:
            yield load_token(each.der)
        except Refused:
            continue


def _carried(tokens: Iterable[Token]) -> tuple[Certificate, ...]:
    return tuple(each for token in tokens for each in (token.authority, *token.helpers))


def _on_paths(known: Iterable[Certificate], verdicts: Iterable[Verdict]) -> list[Certificate]:
    names = {name for each in verdicts for name in each.path}
    return [each for each in dict.fromkeys(known) if each.subject in names]


def _named(checks: Iterable[Check]) -> Iterator[str]:
    """Give the digests of the lists and answers that decided, anywhere in the tree of checks."""
    for each in checks:
        yield from _NAMED.findall(each.evidence)
        yield from _named(each.checks)


def _has_values(signed: Signed) -> bool:
    """Tell whether there are values already: each of the two containers of the signature may be there once."""
    return any(each.kind in set(ValueKind) for each in signed.unsigned.values)
