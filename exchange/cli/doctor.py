"""Find out what is wrong with a hub."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.machine import SystemClock
from exchange.operation.doctor import ORDER, examine_hub, exit_code
from exchange.operation.findings import Finding


@click.command()
@FOLDER
@click.option("--deep", is_flag=True, help="Also read every file and verify every signature and receipt.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(folder: Path, *, deep: bool, as_json: bool) -> None:
    """Examine a hub, serving or not, and say what is wrong and what to do. Ends with 2 for errors, 1 for warnings."""
    findings = list(examine_hub(Home(folder), at=SystemClock().now(), deep=deep))
    show(findings, as_json=as_json)
    sys.exit(exit_code(findings))


def show(findings: Iterable[Finding], *, as_json: bool = False) -> None:
    """Write findings, the worst first; nothing found is said too."""
    found = sorted(findings, key=lambda item: ORDER.index(item.rule.severity))
    for item in found:
        rule = item.rule
        values = {
            "severity": rule.severity,
            "name": rule.name,
            "subject": item.subject,
            "text": item.text,
            "fix": rule.fix,
        }
        if as_json:
            click.echo(msgspec.json.encode(values).decode())
        else:
            place = f" ({plain(item.subject)})" if item.subject else ""
            click.echo(f"{rule.severity}\t{rule.name}\t{plain(item.text)}{place}. {rule.fix}")
    if not found and not as_json:
        click.echo("Nothing is wrong.")
