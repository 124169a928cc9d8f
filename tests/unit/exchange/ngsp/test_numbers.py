"""Every reason has a number that clients know, and every number and every answer its form."""

from __future__ import annotations

import importlib
import json
import pkgutil

from exchange.errors import BUSY, Later
from exchange.ngsp.answers import fail, succeed
from exchange.ngsp.app import OPERATIONS
from exchange.ngsp.numbers import FAILED, FAMILIES, NUMBERS, number_of
from trust_store.errors import CATALOGUE, Refused

KNOWN = {0, 10, 15, 18, 19, 20, 21, 22, 23}
GENERAL = {
    "not-found", "request-malformed", "request-too-slow", "hub-busy", "hub-stopping", "daily-quota", "storage-failing",
    "disk-full", "rate-limited", "request-abandoned", "too-many-connections", "internal-error", "method-not-allowed",
    "code-taken", "directory-moved", "party-parent", "code-malformed", "contact-malformed", "vault-locked",
    "receipt-waits", "revocation-not-known", "revocation-stale",
}  # fmt: skip
"""What an operation can meet and is neither about the file nor about who sends or receives: 20."""
LOCAL = (
    "adapter-", "backup-", "pdf-", "outbox-", "letter-toml-", "token-", "tokens-", "upload-", "uploads-", "audit-", "rule-", "group-",
    "database-", "local-", "key-", "folder-", "files-", "file-", "hub-", "sandbox-", "setting-", "system-exists",
    "system-secret", "tls-", "tus-", "range-", "table-", "party-exists", "proxies-", "address-", "caller-", "lease-",
    "content-not-", "receipt-other", "request-unreadable", "tax-code-malformed", "workbook-", "workers-", "gateway-", "grant-", "lookup-",
    "revocation-list-", "revocation-authority-", "revocation-certificate-", "revocation-older", "revocation-overdue",
    "revocation-unusable", "ocsp-", "fetch-",
    "timestamp-", "level-", "signature-not-raisable", "batch-proof-", "receipt-not-stamped",
    "fsck-", "log-", "note-", "checkpoint-", "tile-", "witness-",
    "csr-", "proof-", "application-", "applications-", "authority-missing", "certificate-last", "certificates-too-many",
)  # fmt: skip
"""What this listener cannot meet: commands, adapters, the API's own."""


def reasons() -> set[str]:
    for room in ("trust_store", "envelopes", "exchange"):
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if ".migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return {code for code, reason in CATALOGUE.items() if reason.title}


def test_every_reason_was_given_its_number_on_purpose() -> None:
    listed = {code for codes in NUMBERS.values() for code in codes}
    left = {code for code in reasons() - listed - GENERAL if not code.startswith((*FAMILIES, *LOCAL))}
    assert left == set()


def test_every_listed_reason_exists_and_has_one_number() -> None:
    codes = [code for held in NUMBERS.values() for code in held]
    assert len(codes) == len(set(codes))
    assert set(codes) | GENERAL <= reasons()
    assert {number_of(code) for code in GENERAL} == {FAILED}
    assert {number_of(code) for code in reasons()} <= KNOWN


def test_an_answer_is_ascii_json_with_everything_that_clients_read() -> None:
    for name, operation in OPERATIONS.items():
        for response in (succeed({"name": "Sở Tài chính"}), fail(Refused(BUSY, "đầy"), operation.failing)):
            body = response.body
            assert isinstance(body, bytes)
            assert response.status == 200
            assert body.isascii()
            read = json.loads(body)
            assert {"status", "ErrorCode", "ErrorDesc"} <= set(read), name
            assert None not in read.values()
    assert json.loads(fail(Refused(BUSY), OPERATIONS["sendEdoc"].failing).body or b"")["DocId"] == ""
    assert "data" not in json.loads(fail(Refused(BUSY), OPERATIONS["getEdoc"].failing).body or b"")


def test_who_should_come_again_is_told_when() -> None:
    response = fail(Later(BUSY, "", 7))
    assert response.headers["Retry-After"] == "7"
    assert b"hub-busy: " in (response.body or b"")
