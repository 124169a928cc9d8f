"""A hub's folder and its settings: `hub.toml`, over which the environment (`CONGVAN_<NAME>`) has the last word."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from exchange.net.limits import Count, Limits, Rate, Seconds
from trust_store.errors import Refused, reason

BAD_SETTING = reason(
    "setting-malformed", "A setting cannot be read", "Compare hub.toml with docs/reference/settings.md"
)
NO_HUB = reason("hub-missing", "There is no hub in this folder", "Make one with 'congvan init' or 'congvan sandbox'")

NGSP_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._-]+)*")
TIME_URL: Final = r"https?://[!-+\--~]+"
WITNESS: Final = r"https?://[!-+\--~]+ +[!-+\--~]+"
Amount = Annotated[int, msgspec.Meta(ge=0)]
Secret = Annotated[str, msgspec.Meta(pattern=r"^([!-~]{20,})?$")]
"""Nothing, or at least 20 characters without white space."""


class Settings(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the settings of a hub; each is described in docs/reference/settings.md."""

    name: str
    code: str
    max_message_bytes: int = 48 * 1024 * 1024
    inline_bytes: Amount = 64 * 1024
    sweep_seconds: float = 5.0
    rehearsal_seconds: Seconds = 20
    signing_key: str = "keys/hub.key.pem"
    signing_cert: str = "keys/hub.cert.pem"
    signing_password_file: str = ""
    inspection_seconds: Seconds = 10
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    letters_per_day: Amount = 100_000
    letter_bytes_per_day: Amount = 100 * 1024 * 1024 * 1024
    min_free_bytes: Amount = 256 * 1024 * 1024
    min_free_inodes: Amount = 1000
    certificate_days: Amount = 3
    drain_seconds: Rate = 0
    metrics_token: Secret = ""
    retention_days: Amount = 0
    max_file_bytes: Amount = 4 * 1024 * 1024 * 1024
    max_open_uploads: Amount = 32
    max_unattached_bytes: Amount = 16 * 1024 * 1024 * 1024
    unattached_days: Count = 7
    workers: Count = 1
    ngsp_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    ngsp_prefix: Annotated[str, msgspec.Meta(pattern=f"^{NGSP_PREFIX.pattern}$")] = ""
    ngsp_max_bytes: Count = 50 * 1024 * 1024
    clock_skew_seconds: Amount = 300
    refuse_future_claims: bool = False
    time_authorities: Annotated[str, msgspec.Meta(pattern=f"^({TIME_URL}( *, *{TIME_URL})*)?$")] = ""
    time_seconds: Seconds = 10
    time_batch_seconds: Seconds = 60
    time_outage_minutes: Count = 60
    log_witnesses: Annotated[str, msgspec.Meta(pattern=f"^({WITNESS}( *, *{WITNESS})*)?$")] = ""
    log_cosignatures: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    log_witness_seconds: Seconds = 5
    log_cosign_seconds: Seconds = 30
    gateway_routes: str = ""
    gateway_subscriptions: str = ""
    gateway_seconds: Seconds = 30
    gateway_max_bytes: Count = 8 * 1024 * 1024
    warning_days: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}( *, *[0-9]{1,3})*$")] = "60, 30, 14, 3, 1"
    administrator_emails: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_ca: str = ""
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_password_file: str = ""
    smtp_from: str = ""
    smtp_seconds: Seconds = 30
    fetch_allowed: str = ""
    fetch_proxy: Annotated[str, msgspec.Meta(pattern=r"^(http://\S+)?$")] = ""
    fetch_max_bytes: Count = 32 * 1024 * 1024
    fetch_seconds: Seconds = 30
    revocation_grace_hours: Rate = 72
    revocation_wait_seconds: Rate = 3
    enrolment_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 730
    enrolment_approvals: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    renewal_approvals: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    enrolment_code_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 72

    @property
    def time_urls(self) -> tuple[str, ...]:
        """Return the addresses of the time-stamp authorities, the preferred one first."""
        return tuple(each.strip() for each in self.time_authorities.split(",") if each.strip())


@dataclass(frozen=True, slots=True)
class Home:
    """Know where a hub keeps its things inside its folder."""

    folder: Path

    @property
    def settings(self) -> Path:
        """Locate the settings."""
        return self.folder / "hub.toml"

    @property
    def database(self) -> Path:
        """Locate the database."""
        return self.folder / "hub.db"

    @property
    def blobs(self) -> Path:
        """Locate the messages' bytes."""
        return self.folder / "blobs"

    @property
    def parts(self) -> Path:
        """Locate the parts of files that have not come whole; on the same disk as the blobs that they become."""
        return self.blobs / "parts"

    @property
    def keys(self) -> Path:
        """Locate the hub's own keys, readable by its user only."""
        return self.folder / "keys"

    @property
    def vault(self) -> Path:
        """Locate the key that the secrets of connected systems are locked with."""
        return self.keys / "systems.key"

    @property
    def log_key(self) -> Path:
        """Locate the key that the checkpoints of the transparency log are signed with."""
        return self.keys / "log.key.pem"

    def witness_key(self, generation: int) -> Path:
        """Locate the key that the checkpoints of other logs are cosigned with: one for each generation of our own log."""
        return self.keys / f"witness-{generation}.key.pem"

    @property
    def anchor(self) -> Path:
        """Locate the certificate that everything the hub signs leads to."""
        return self.folder / "trust-anchor.pem"


def read_settings(home: Home, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        Refused: there is no hub in the folder, or a setting is unknown or of a wrong type; the text says which.
    """
    try:
        written = msgspec.toml.decode(home.settings.read_bytes())
    except FileNotFoundError:
        raise Refused(NO_HUB, f"{home.folder} holds no hub.toml") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(BAD_SETTING, f"hub.toml is not TOML: {error}") from None
    names = [field.name for field in msgspec.structs.fields(Settings)]
    overrides = {name: environment[key] for name in names if (key := f"CONGVAN_{name.upper()}") in environment}
    try:
        return msgspec.convert(written | overrides, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(BAD_SETTING, str(error)) from None
