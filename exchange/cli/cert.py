"""Manage the certificates of parties, on the machine where the hub's folder is."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.cli import approval, enrol
from exchange.cli.crl import crl
from exchange.cli.foreseeing import compromised, forecast
from exchange.cli.moments import parse_moment
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER, find_party
from exchange.config import Home
from exchange.enrolment import CERTIFICATE_DAYS, issue_key, register
from exchange.founding import authority_of, save_key, write_secret
from exchange.wiring import open_exchange
from trust_store.certificate import load_many
from trust_store.evidence import Revocation
from trust_store.keys import write_pkcs12

COMMANDS = (
    *(enrol.request, enrol.apply, enrol.application, enrol.prove, enrol.rehearse, enrol.own, enrol.let_go),
    *(approval.applications, approval.consider, approval.approve, approval.refuse, approval.code),
    *(forecast, compromised),
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def cert() -> None:
    """Manage certificates of parties, and apply for them."""


for each in COMMANDS:
    cert.add_command(each)


cert.add_command(crl)


@cert.command("issue")
@FOLDER
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where the files go.")
@click.option("--days", default=CERTIFICATE_DAYS, show_default=True, type=click.IntRange(1), help="How long it lasts.")
@click.password_option(help="Password of the PKCS#12 file.", envvar="CONGVAN_PASSWORD")
@click.argument("code")
@run_async
async def issue(folder: Path, out: Path, days: int, password: str, code: str) -> None:
    """Make a key for a party, certified by the hub's own authority: for pilots, not for the public."""
    async with open_exchange(Home(folder)) as exchange:
        party = await find_party(exchange, code)
        key = await issue_key(exchange, authority_of(Home(folder)), party, days=days)
    out.mkdir(parents=True, exist_ok=True)
    save_key(out / party.id, key)
    write_secret(out / f"{party.id}.p12", write_pkcs12(key, password.encode(), party.id))
    click.echo(f"{out / party.id}.p12 (and .key.pem, .cert.pem), until {key.certificate.not_after:%Y-%m-%d}")


@cert.command("add")
@FOLDER
@click.argument("code")
@click.argument("file", type=FILE)
@run_async
async def add(folder: Path, code: str, file: Path) -> None:
    """Register a certificate that a party has from elsewhere."""
    certificate = load_many(file.read_bytes())[0]
    async with open_exchange(Home(folder)) as exchange:
        party = await find_party(exchange, code)
        await register(exchange, party, certificate)
    click.echo(f"{certificate.subject} now speaks for {party.id}")


@cert.command("list")
@FOLDER
@click.argument("code")
@run_async
async def list_certificates(folder: Path, code: str) -> None:
    """List the certificates of a party."""
    async with open_exchange(Home(folder)) as exchange:
        party = await find_party(exchange, code)
        for item in await exchange.registry.certificates(party.id):
            click.echo(f"{item.fingerprint}\tuntil {item.not_after:%Y-%m-%d}\t{item.subject}")


@cert.command("revoke")
@FOLDER
@click.option("--why", required=True, help="The reason, as senders will read it.")
@click.option("--at", "moment", help="From when on (ISO 8601, UTC unless it says otherwise); now unless told.")
@click.argument("file", type=FILE)
@run_async
async def revoke(folder: Path, why: str, moment: str | None, file: Path) -> None:
    """Put a certificate on the local revocation list."""
    certificate = load_many(file.read_bytes())[0]
    async with open_exchange(Home(folder)) as exchange:
        at = parse_moment(moment) if moment else exchange.hub.clock.now()
        await exchange.trust.revoke(Revocation(signed_part=certificate.signed_part, at=at, why=why), exchange.author())
    click.echo(f"{certificate.subject} is revoked from {at:%Y-%m-%d %H:%M} UTC on")
