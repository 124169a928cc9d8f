"""Manage the parties of a hub, on the machine where its folder is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from exchange.bulk import in_bulk
from exchange.cli.options import run_async
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.importing import plan
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Contact, check_contacts, check_name, read_alias
from exchange.core.registering import BAD_PARENT, decide, describe_party, with_aliases
from exchange.core.sheet import BadTable, write_sheet, write_table
from exchange.core.snapshot import Snapshot
from exchange.enrolment import give_token
from exchange.errors import NOT_FOUND
from exchange.founding import write_secret
from exchange.running import Exchange
from exchange.wiring import open_exchange
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind, normalise

PARTY_EXISTS = reason(
    "party-exists",
    "This party is registered already",
    "Use 'party token' for a new token, 'party resume' to let it in again",
)
FOLDER = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="The hub's folder."
)
ALIAS = click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="[SCHEME:]CODE",
    help="Another code that reaches it, as scheme:code (old, qd20, tax, province, other) or plain; may be repeated.",
)
PARENT = click.option("--parent", metavar="CODE", help="The party that is above it; empty for none.")
CONTACT = click.option(
    "--contact",
    "contacts",
    multiple=True,
    metavar="NAME[;ROLE[;EMAIL[;PHONE]]]",
    help="Whom to ask there; may be repeated.",
)


@click.group()
def party() -> None:
    """Manage the parties of a hub."""


@party.command("add")
@FOLDER
@click.option("--kind", type=click.Choice([kind.value for kind in PartyKind]), required=True, help="What it is.")
@ALIAS
@PARENT
@CONTACT
@click.argument("code")
@click.argument("name")
@run_async
async def add(
    folder: Path,
    kind: str,
    aliases: tuple[str, ...],
    parent: str | None,
    contacts: tuple[str, ...],
    code: str,
    name: str,
) -> None:
    """Register a party by its code (an enterprise by its tax code), and show its first token."""
    plainly = with_aliases(describe_party(code, name, PartyKind(kind)), map(read_alias, aliases))
    described = dataclasses.replace(plainly, contacts=_contacts(contacts))
    async with open_exchange(Home(folder)) as exchange:
        snapshot = await exchange.hub.store.directory.snapshot()
        if snapshot.parties.get(described.id) is not None:
            raise Refused(PARTY_EXISTS, f"{described.id} is registered already")
        above = dataclasses.replace(described, parent=await _parent(exchange, parent or ""))
        await exchange.registry.put(above, exchange.author(), snapshot.revision)
        token = await give_token(exchange, described, "first")
    click.echo(f"{described.id} is registered. Its token, shown only now: {token}")
    click.echo(f"Next: congvan cert issue --dir {folder} {described.id} (pilot), or congvan cert add with its own")


@party.command("change")
@FOLDER
@click.option("--name", help="Its new name.")
@ALIAS
@click.option("--drop-alias", "dropped", multiple=True, metavar="CODE", help="A code that no longer reaches it.")
@PARENT
@CONTACT
@click.option("--no-contacts", is_flag=True, help="Forget whom to ask there.")
@click.argument("code")
@run_async
async def change(
    folder: Path,
    name: str | None,
    aliases: tuple[str, ...],
    dropped: tuple[str, ...],
    parent: str | None,
    contacts: tuple[str, ...],
    no_contacts: bool,
    code: str,
) -> None:
    """Change what is stated of a party; aliases are added, contacts replace those that there are."""
    async with open_exchange(Home(folder)) as exchange:
        revision = (await exchange.hub.store.directory.snapshot()).revision
        found = await find_party(exchange, code)
        gone = {normalise(item) for item in dropped}
        kept = [item for item in found.aliases if normalise(item.code) not in gone]
        changed = dataclasses.replace(
            with_aliases(found, [*kept, *map(read_alias, aliases)]),
            name=found.name if name is None else check_name(name),
            parent=found.parent if parent is None else await _parent(exchange, parent),
            contacts=_contacts(contacts) if contacts or no_contacts else found.contacts,
        )
        await exchange.registry.put(changed, exchange.author(), revision)
        _show(changed)


@party.command("show")
@FOLDER
@click.argument("code")
@run_async
async def show(folder: Path, code: str) -> None:
    """Show all that is known of a party."""
    async with open_exchange(Home(folder)) as exchange:
        _show(await find_party(exchange, code))


@party.command("list")
@FOLDER
@run_async
async def list_parties(folder: Path) -> None:
    """List the parties with their codes."""
    async with open_exchange(Home(folder)) as exchange:
        for item in await exchange.hub.store.directory.all():
            click.echo(f"{item.id}\t{item.kind}\t{item.status}\t{item.name}\t{', '.join(sorted(item.codes))}")


@party.command("import")
@FOLDER
@click.option("--dry-run", is_flag=True, help="Look at everything and write nothing.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@run_async
async def import_table(folder: Path, dry_run: bool, file: Path) -> None:
    """Register and change the parties in a table (CSV or XLSX), all or none; every wrong row is shown first."""
    async with open_exchange(Home(folder)) as exchange:
        snapshot = await exchange.hub.store.directory.snapshot()
        try:
            planned = in_bulk(plan, file.read_bytes(), snapshot, exchange.hub.registrar.issuer.code)
        except BadTable as refusal:
            for fault in refusal.faults:
                click.echo("\t".join((f"row {fault.row}", fault.column, plain(fault.what), fault.fix)))
            raise
        if planned.parties and not dry_run:
            await exchange.registry.put_all(planned.parties, planned.revision, exchange.author())
    counts = f"{planned.registered} registered, {planned.changed} changed, {planned.unchanged} as before"
    click.echo(f"Nothing was written; it would be: {counts}" if dry_run else counts)


@party.command("export")
@FOLDER
@click.option("--out", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where it goes.")
@run_async
async def export_table(folder: Path, out: Path) -> None:
    """Write all parties into a table that can be imported again: XLSX if the file's name ends so, CSV if not.

    It has names and addresses of people.
    """
    async with open_exchange(Home(folder)) as exchange:
        parties = await exchange.hub.store.directory.all()
    write = write_sheet if out.suffix.lower() == ".xlsx" else write_table
    write_secret(out, write(parties))
    click.echo(f"{len(parties)} parties", err=True)


@party.command("token")
@FOLDER
@click.option("--label", default="added", show_default=True, help="What the token is for.")
@click.argument("code")
@run_async
async def token(folder: Path, label: str, code: str) -> None:
    """Create one more token for a party, and show it once."""
    async with open_exchange(Home(folder)) as exchange:
        click.echo(await give_token(exchange, await find_party(exchange, code), label))


@party.command("suspend")
@FOLDER
@click.argument("code")
@run_async
async def suspend(folder: Path, code: str) -> None:
    """Suspend a party: it can neither send nor receive until it is resumed."""
    await _set_status(folder, code, PartyStatus.SUSPENDED)


@party.command("resume")
@FOLDER
@click.argument("code")
@run_async
async def resume(folder: Path, code: str) -> None:
    """Let a suspended party take part again."""
    await _set_status(folder, code, PartyStatus.ACTIVE)


async def find_party(exchange: Exchange, code: str) -> Party:
    """Find a party by any of its codes."""
    (found,) = await exchange.hub.store.directory.resolve([code])
    if found is None:
        raise Refused(NOT_FOUND, f"There is no party {code}")
    return found


async def _set_status(folder: Path, code: str, status: PartyStatus) -> None:
    async with open_exchange(Home(folder)) as exchange:

        async def change(snapshot: Snapshot) -> Party:
            found = await find_party(exchange, code)
            await exchange.registry.put(dataclasses.replace(found, status=status), exchange.author(), snapshot.revision)
            return found

        found = await decide(exchange.hub.store.directory, change)
        click.echo(f"{found.id} is {status}")


async def _parent(exchange: Exchange, code: str) -> PartyId | None:
    (found,) = await exchange.hub.store.directory.resolve([code])
    if code and found is None:
        raise Refused(BAD_PARENT, f"{code} is not registered", where="--parent")
    return found.id if found else None


def _contacts(texts: tuple[str, ...]) -> tuple[Contact, ...]:
    """Read contacts as they are written on the command line; what is behind the fourth part stays with it."""
    parts = ([part.strip() for part in text.split(";", 3)] for text in texts)
    return check_contacts(
        Contact(**dict(zip(("name", "role", "email", "phone"), each, strict=False))) for each in parts
    )


def _show(item: Party) -> None:
    """Write what is known of a party, one thing a line."""
    lines = [
        ("code", item.id),
        ("name", item.name),
        ("kind", item.kind),
        ("status", item.status),
        ("parent", item.parent or ""),
        *(("alias", str(alias)) for alias in item.aliases),
        *(("contact", ";".join((each.name, each.role, each.email, each.phone))) for each in item.contacts),
    ]
    for name, value in lines:
        click.echo(f"{name}\t{plain(value)}")
