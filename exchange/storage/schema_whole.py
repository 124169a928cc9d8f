"""All tables together: whoever imports `METADATA` from here has it whole."""

from __future__ import annotations

from exchange.storage import (
    schema_access,
    schema_enrolment,
    schema_keys,
    schema_log,
    schema_notices,
    schema_time,
    schema_trust,
    schema_witness,
)
from exchange.storage.schema import METADATA

__all__ = [
    "METADATA",
    "schema_access",
    "schema_enrolment",
    "schema_keys",
    "schema_log",
    "schema_notices",
    "schema_time",
    "schema_trust",
    "schema_witness",
]
