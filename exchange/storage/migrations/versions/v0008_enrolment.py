"""Make room for enrolment, and know every key that is certified already."""

import hashlib

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

revision = "0008"
down_revision = "0007"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Add the tables, and whom a token stands for; then read the keys of the certificates that are registered."""
    op.add_column("tokens", sa.Column("person", sa.Text(), server_default="", nullable=False))
    _applications()
    op.create_table(
        "enrolment_challenges",
        _text("party"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _number("expires_at"),
        sa.PrimaryKeyConstraint("party", "digest"),
    )
    op.create_table(
        "enrolment_codes",
        *(_text("party"), _text("id"), sa.Column("digest", sa.LargeBinary(), nullable=False)),
        *(_text("given_by"), _number("expires_at"), _text("application")),
        sa.PrimaryKeyConstraint("party", "id"),
        sa.UniqueConstraint("digest"),
    )
    keys = op.create_table(
        "certified_keys",
        *(_text("key_print"), _text("party"), _text("fingerprint")),
        sa.PrimaryKeyConstraint("key_print", "party", "fingerprint"),
    )
    registered = op.get_bind().execute(sa.text("SELECT party, fingerprint, der FROM party_certificates")).all()
    rows = [
        {"key_print": found, "party": party, "fingerprint": fingerprint}
        for party, fingerprint, der in registered
        if (found := _key_print(der))
    ]
    op.bulk_insert(keys, rows)


def _applications() -> None:
    op.create_table(
        "applications",
        *(_text("id"), _text("party"), _text("form"), _text("digest")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        *(_text("subject"), _text("key"), _text("key_print"), _text("asked_by"), _number("asked_at")),
        sa.Column("needed", sa.Integer(), nullable=False),
        *(_text(name) for name in ("checks", "state", "renews", "code", "issue", "certificate")),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("party", "key_print", "state"):
        op.create_index(f"ix_applications_{name}", "applications", [name])
    op.create_table(
        "application_decisions",
        *(_text("application"), _text("person"), sa.Column("approves", sa.Integer(), nullable=False)),
        *(_text("actor"), _number("at"), _text("why")),
        sa.PrimaryKeyConstraint("application", "person", "approves"),
    )


def _key_print(der: bytes) -> str:
    """Name a key as the schema of this version does; one of an unknown kind cannot be asked for."""
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
