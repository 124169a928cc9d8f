"""Put the commands together, and turn every refusal into one clear line and exit code 1."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click

from trust_store.errors import Refused

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "sandbox": ("exchange.cli.sandbox", "Run a hub with a small Thanh Hóa in it, for trying and developing"),
    "demo": ("exchange.cli.demo", "Tell the whole story against a temporary hub"),
    "init": ("exchange.cli.hub", "Make a new hub in a folder"),
    "serve": ("exchange.cli.hub", "Serve a hub"),
    "hub": ("exchange.cli.hub_key", "Manage the hub's own keys"),
    "fsck": ("exchange.cli.fsck", "Check the log, every receipt and every byte of a hub"),
    "doctor": ("exchange.cli.doctor", "Examine a hub and say what is wrong"),
    "backup": ("exchange.cli.backup", "Back a hub up while it serves"),
    "restore": ("exchange.cli.backup", "Restore a hub from a backup"),
    "retention": ("exchange.cli.retention", "Remove the content of old messages"),
    "party": ("exchange.cli.party", "Manage the parties of a hub"),
    "group": ("exchange.cli.group", "Manage groups of parties that one code reaches"),
    "rule": ("exchange.cli.rule", "Manage who may write to whom"),
    "system": ("exchange.cli.system", "Manage document management systems that are connected"),
    "ngsp": ("exchange.cli.ngsp", "Help those who connect document management systems"),
    "token": ("exchange.cli.token", "Manage the tokens of parties and of the hub's own people"),
    "quarantine": ("exchange.cli.quarantine", "Look into messages that are held back because a key was lost"),
    "notice": ("exchange.cli.notice", "Read what the hub tells: what ends, what was lost, what is held back"),
    "cert": ("exchange.cli.cert", "Manage certificates of parties, and apply for them"),
    "authority": ("exchange.cli.authority", "Manage which authorities are trusted"),
    "audit": ("exchange.cli.audit", "List, verify and export the audit trail"),
    "letter": ("exchange.cli.letter", "Write an official letter as edXML"),
    "sign": ("exchange.cli.letter", "Sign an XML document"),
    "send": ("exchange.cli.letter", "Send signed documents"),
    "attachment": ("exchange.cli.attachment", "Upload and download files that travel beside letters"),
    "inbox": ("exchange.cli.mailbox", "List the mailbox"),
    "fetch": ("exchange.cli.mailbox", "Download a document from the mailbox, verified"),
    "ack": ("exchange.cli.mailbox", "Acknowledge deliveries"),
    "status": ("exchange.cli.mailbox", "Report a business status to the sender of a document"),
    "timeline": ("exchange.cli.evidence", "Tell what happened to a document"),
    "explain": ("exchange.cli.evidence", "Show why a document was believed, check by check"),
    "raise": ("exchange.cli.raising", "Download a document with time-stamps beside what was signed"),
    "receipt": ("exchange.cli.evidence", "Download the receipts of a document, verified"),
    "verify": ("exchange.cli.verify", "Verify signed XML files offline"),
    "log": ("exchange.cli.log", "Follow a transparency log, and cosign those of others"),
    "bench": ("exchange.cli.bench", "Measure how fast this machine exchanges documents"),
    "adapter": ("exchange.cli.adapter", "Connect a local system with a hub"),
}
"""Each command with the module that holds it, loaded only when it is called: `verify` needs no database."""


class Commands(click.Group):
    """Load commands when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of a first day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a refusal ends it with its reason, what to do, and exit code 1."""
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            click.echo(f"{refusal.reason.code}: {refusal.text}", err=True)
            sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="congvan")
def cli() -> None:
    """Exchange signed official documents (edXML) between agencies and enterprises."""
