"""What schemathesis must be told to talk to this hub; it loads this module by its name, in a process of its own.

CONGVAN_TEST_TOKENS is the address where the test gives a token that works: some requests end the token that they came with.
"""

from __future__ import annotations

import base64
import os
import urllib.request
from datetime import datetime

import schemathesis
from hypothesis import strategies

WAIT_SECONDS = 0.01
YEARS = (datetime(1971, 1, 1), datetime(8999, 12, 31))  # noqa: DTZ001 - as the strategy wants them
DIGITS = strategies.binary(min_size=32, max_size=32)

schemathesis.openapi.media_type("application/offset+octet-stream", strategies.binary(max_size=2000))
schemathesis.openapi.media_type("application/pkix-crl", strategies.binary(max_size=2000))
schemathesis.openapi.format(
    "upload-metadata", DIGITS.map(lambda digest: "sha256 " + base64.b64encode(digest.hex().encode()).decode())
)
# The hub takes moments of this century and others near it; RFC 3339 has four digits for a year and a leap second.
schemathesis.openapi.format(
    "date-time",
    strategies.datetimes(*YEARS).map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
)


@schemathesis.serializer("application/offset+octet-stream", "application/pkix-crl")
def octets(_context, value):
    """Send bytes as they are, and whatever else was made up as text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.auth(refresh_interval=None)
class Tokens:
    """Show a token that works."""

    def get(self, _case, _context):
        with urllib.request.urlopen(os.environ["CONGVAN_TEST_TOKENS"]) as answer:
            return answer.read().decode()

    def set(self, case, data, _context) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context, case, _kwargs) -> None:
    """Wait for news no longer than the test has time, and write whole numbers as such: 3.0 is one to JSON Schema alone."""
    if not isinstance(case.body, dict):
        return
    wanted, limit = case.body.get("wait_seconds"), case.body.get("limit")
    if isinstance(wanted, int | float) and WAIT_SECONDS < wanted <= 60:
        case.body["wait_seconds"] = WAIT_SECONDS
    if isinstance(limit, float) and limit.is_integer():
        case.body["limit"] = int(limit)


@schemathesis.hook
def filter_failure(_context, failure, case, _response) -> bool:
    """Let one thing pass: `rotation` has the shape of a token's id, so DELETE is allowed there, of a token that is not there."""
    is_known = failure.code == "ST205" and case.operation.path == "/v1/tokens/rotation"
    return not (is_known and failure.undocumented_methods == ["DELETE"] and not failure.missing_methods)
