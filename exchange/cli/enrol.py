"""Apply for certificates in the name of a party, from its own machine; the key never leaves it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.proof import write_proof
from envelopes.signature.sign import sign
from exchange.api.enrolment_views import ApplicationView, JudgedView
from exchange.applying import Applying
from exchange.cli.moments import parse_moment
from exchange.cli.options import Caller, NamedKey, caller_options, key_options, run_async
from exchange.cli.plain import local, plain
from exchange.founding import write_secret
from trust_store.certificate import Certificate, load_many
from trust_store.enrol import new_key, new_rsa_key
from trust_store.enrol_proof import PROOF_WRONG, holding_statement
from trust_store.enrol_request import make_request, read_request, write_private_key
from trust_store.errors import Refused
from trust_store.explain import as_text

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_CHALLENGE = re.compile(r"^challenge ([0-9a-f]+)$", re.M)


@click.command("request")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where the files go.")
@click.option("--name", default="", help="The party's name, for people who read the request.")
@click.option("--rsa", is_flag=True, help="An RSA key of 3072 bits, for software that reads no other; else EC P-256.")
@click.password_option(help="Password of the private key.", envvar="CONGVAN_PASSWORD")
@click.argument("code")
def request(out: Path, name: str, rsa: bool, password: str, code: str) -> None:
    """Make a key, encrypted, and a request for a certificate over it; nothing is sent."""
    key_file, request_file = out / f"{code}.key.pem", out / f"{code}.csr.pem"
    if key_file.exists():
        raise click.UsageError(f"{key_file} exists; a key is never written over")
    key = new_rsa_key() if rsa else new_key()
    out.mkdir(parents=True, exist_ok=True)
    write_secret(key_file, write_private_key(key, password.encode()))
    written = make_request(key, code, name)
    request_file.write_bytes(written)
    click.echo(f"{key_file} and {request_file}")
    click.echo(f"SHA-256 of the key, for the administrator: {read_request(written).key_print}")
    click.echo(f"Next: congvan cert apply {request_file}")


@click.command("apply")
@caller_options
@key_options
@click.option("--renew", is_flag=True, help="The key that is given is in force, and signs that it asks for this one.")
@click.option("--out", "-o", type=OUT, help="Where the certificate goes, once it is there.")
@click.argument("file", type=FILE)
@run_async
async def apply(
    caller: Caller,
    file: Path,
    out: Path | None,
    *,
    renew: bool,
    named: NamedKey,
) -> None:
    """Hand a request in; the same again only tells what became of it. The token may be a one-time code."""
    renews = caller.key(named) if renew else None
    async with caller.client() as client:
        _tell(await client.enrolment.apply(file.read_bytes(), renews=renews), out)


@click.command("application")
@caller_options
@click.option("--out", "-o", type=OUT, help="Where the certificate goes, once it is there.")
@click.option("--withdraw", is_flag=True, help="Withdraw it.")
@click.argument("key", metavar="ID")
@run_async
async def application(caller: Caller, out: Path | None, key: str, *, withdraw: bool) -> None:
    """Tell what became of an application, and fetch the certificate."""
    async with caller.client() as client:
        ask = client.enrolment.withdraw if withdraw else client.enrolment.application
        _tell(await ask(key), out)


@click.command("prove")
@caller_options
@key_options
@click.option("--write", "asked", type=OUT, help="Only write what other software is to sign, as XML.")
@click.option("--signed", type=FILE, help="What other software signed.")
@run_async
async def prove(
    caller: Caller,
    asked: Path | None,
    signed: Path | None,
    named: NamedKey,
) -> None:
    """Ask that a certificate of a public authority be registered, and prove that its key is here.

    Keys that only other software reaches: --cert with --write, sign that file as a whole, then --cert with --signed.
    """
    async with caller.client() as client:
        if asked is None and signed is None:
            _tell(await client.enrolment.register(caller.key(named)))
        elif named.cert is None:
            raise click.UsageError("--write and --signed need --cert")
        elif signed is not None:
            data = signed.read_bytes()
            _tell(await client.enrolment.register_signed(named.cert.read_bytes(), _challenge(data), data))
        elif asked is not None:
            await _write(client.enrolment, load_many(named.cert.read_bytes())[0], asked)


@click.command("rehearse")
@caller_options
@click.option("--certificate", type=FILE, required=True, help="The new certificate (PEM), its authorities behind it.")
@click.option("--key", metavar="NAME", help="Its key, as in sign: a letter is signed and goes the whole way, unfiled.")
@click.option("--password", envvar="CONGVAN_PASSWORD", help="Password of the key; better in the environment.")
@click.option(
    "--at", "moment", help="The moment of the switch (ISO 8601, UTC unless it says otherwise); now unless told."
)
@run_async
async def rehearse(
    caller: Caller, certificate: Path, key: str | None, password: str | None, moment: str | None
) -> None:
    """Say whether tomorrow's switch would verify: what the hub would say of the new certificate, and of those in force."""
    at = parse_moment(moment) if moment else None
    async with caller.client() as client:
        if key is None:
            found = await client.enrolment.rehearse(certificate=certificate.read_bytes(), at=at)
        else:
            named = NamedKey(name=key, cert=certificate, password=password, password_file=None)
            holder = caller.key(named)
            party = Organ(organ_id=(await client.whoami()).id)
            issued = (at or datetime.now(UTC)).astimezone(VIETNAM)
            drafted = draft_letter(
                sender=party, receivers=[party], number="0", notation="TT", subject="Rehearsal", at=issued
            )
            found = await client.enrolment.rehearse(letter=sign(build(drafted), holder), at=at)
    click.echo(f"At {local(found.at)} the switch {'would verify' if found.verifies else 'would NOT verify'}")
    _judged("new", found.new)
    for item in found.current:
        _judged("now", item)
    if not found.verifies:
        raise SystemExit(1)


@click.command("own")
@caller_options
@run_async
async def own(caller: Caller) -> None:
    """List the certificates that speak for the party, as the hub has them."""
    async with caller.client() as client:
        for item in await client.enrolment.certificates():
            click.echo(f"{item.fingerprint}\tuntil {item.not_after:%Y-%m-%d}\t{plain(item.subject)}")


@click.command("let-go")
@caller_options
@click.argument("fingerprint")
@run_async
async def let_go(caller: Caller, fingerprint: str) -> None:
    """End a certificate of the party, named by its SHA-256, from now on; what it signed before stays."""
    async with caller.client() as client:
        gone = await client.enrolment.let_go(fingerprint)
    click.echo(f"{gone.fingerprint} has ended")


async def _write(enrolment: Applying, certificate: Certificate, path: Path) -> None:
    given = await enrolment.challenge()
    text = holding_statement(given.hub, given.party, certificate.fingerprint, given.challenge)
    path.write_bytes(write_proof(text))
    click.echo(f"{path}: sign it before {local(given.expires_at)}, enveloped, the whole document")


def _challenge(signed: bytes) -> str:
    """Find the challenge in a signed proof; whether the proof is good is for the hub to say."""
    found = _CHALLENGE.search(signed.decode("utf-8", "replace"))
    if found is None:
        raise Refused(PROOF_WRONG, "There is no challenge in the signed file")
    return found[1]


def _tell(view: ApplicationView, out: Path | None = None) -> None:
    said = f"{view.id}\t{view.state}\t{view.approvals} of {view.needed} approvals\tkey {view.key_print}"
    click.echo(said + (f"\t{plain(view.why)}" if view.why else ""))
    if view.pem and out is not None:
        out.write_text(view.pem)
        click.echo(f"{out}: {view.certificate}")


def _judged(which: str, item: JudgedView) -> None:
    click.echo(f"{which}\t{item.fingerprint or '(none)'}\t{plain(item.subject)}")
    for line in as_text(item.verdict).splitlines():
        click.echo(f"\t{plain(line)}")
