"""Decide on applications for certificates, over the API: where two persons must approve, each has a token of their own."""

from __future__ import annotations

import click

from exchange.api.enrolment_views import ApplicationView
from exchange.cli.options import Caller, caller_options, run_async
from exchange.cli.plain import local, plain
from exchange.core.applications import ApplicationState


@click.command("applications")
@caller_options
@click.option(
    "--state",
    type=click.Choice([state.value for state in ApplicationState]),
    default=ApplicationState.PENDING.value,
    show_default=True,
    help="Which ones.",
)
@run_async
async def applications(caller: Caller, state: str) -> None:
    """List the applications of all parties, oldest first."""
    async with caller.client() as client:
        after = ""
        while found := await client.enrolment.enrolments(state, after=after):
            for view in found:
                count = f"{view.approvals} of {view.needed}"
                click.echo(
                    "\t".join((view.id, view.party, view.form, count, local(view.asked_at), plain(view.subject)))
                )
            after = found[-1].id


@click.command("consider")
@caller_options
@click.argument("key", metavar="ID")
@run_async
async def consider(caller: Caller, key: str) -> None:
    """Show all that there is to know of an application before it is decided on."""
    async with caller.client() as client:
        _show(await client.enrolment.enrolment(key))


@click.command("approve")
@caller_options
@click.argument("key", metavar="ID")
@run_async
async def approve(caller: Caller, key: str) -> None:
    """Approve an application, once the SHA-256 of its key was compared with what the party said by another way."""
    async with caller.client() as client:
        _show(await client.enrolment.approve(key))


@click.command("refuse")
@caller_options
@click.option("--why", required=True, help="The reason, as the party will read it.")
@click.argument("key", metavar="ID")
@run_async
async def refuse(caller: Caller, why: str, key: str) -> None:
    """Refuse an application."""
    async with caller.client() as client:
        _show(await client.enrolment.refuse(key, why))


@click.command("code")
@caller_options
@click.option("--revoke", metavar="ID", help="End this one instead.")
@click.argument("party")
@run_async
async def code(caller: Caller, revoke: str | None, party: str) -> None:
    """Give a party a one-time code to enrol with, and show it once."""
    async with caller.client() as client:
        if revoke is not None:
            ended = await client.enrolment.revoke_code(party, revoke)
            click.echo(f"{ended.id} of {ended.party} has ended")
            return
        given = await client.enrolment.give_code(party)
    click.echo(given.secret)
    click.echo(
        f"Code {given.code.id} of {given.code.party}, shown only now; until {local(given.code.expires_at)}", err=True
    )


def _show(view: ApplicationView) -> None:
    click.echo(f"{view.id}\t{view.state}\t{view.approvals} of {view.needed} approvals")
    lines = {
        "party": view.party,
        "asks to": view.form,
        "subject": view.subject,
        "key": f"{view.key}, SHA-256 {view.key_print}",
        "digest": view.digest,
        "asked": f"{local(view.asked_at)} by {view.asked_by}",
        "renews": view.renews,
        "why": view.why,
        "certificate": view.certificate,
    }
    for name, text in lines.items():
        if text:
            click.echo(f"{name}\t{plain(text)}")
    for each in view.checks:
        click.echo(f"check\t{each.outcome}\t{each.name}\t{plain(each.text)}")
    for item in view.decisions:
        click.echo(
            f"{'approved' if item.approves else 'refused'}\t{local(item.at)}\t{plain(item.by)}\t{plain(item.why)}"
        )
