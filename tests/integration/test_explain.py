"""Why a letter was believed or not is one tree, over the API and on the command line."""

from __future__ import annotations

import asyncio
import sys

from trust_store.evidence import Revocation


async def run(*words: object) -> tuple[int, str, str]:
    """Run the command line in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "exchange",
        *map(str, words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode or 0, out.decode(), err.decode()


async def test_an_accepted_letter_explains_itself(hub) -> None:
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    caller = ("--url", hub.url, "--token", hub.token(hub.lam_son))
    code, out, _ = await run("explain", *caller, view.message)
    assert code == 0
    assert out.startswith("ok: ")
    assert "Certificate path: " in out
    assert "[ok] revocation: " in out
    code, out, _ = await run("explain", *caller, "--json", view.message)
    assert out.startswith('{"outcome":')


async def test_a_refused_letter_is_explained_in_the_problem_and_by_send(hub, tmp_path) -> None:
    certificate = hub.key(hub.lam_son).certificate
    now = hub.exchange.hub.clock.now()
    await hub.exchange.trust.revoke(Revocation(signed_part=certificate.signed_part, at=now, why="mất USB"))
    data = hub.signed(hub.lam_son, hub.environment)
    refusal = await hub.refused(hub.lam_son, data)
    assert refusal.verdict["reason"] == "certificate-revoked"
    assert {"path", "validity", "revocation", "holder"} <= {each["name"] for each in refusal.verdict["checks"]}
    (tmp_path / "letter.edxml").write_bytes(data)
    caller = ("--url", hub.url, "--token", hub.token(hub.lam_son))
    code, _, err = await run("send", *caller, "--explain", tmp_path / "letter.edxml")
    assert code == 1
    assert "[FAILED] local-list: " in err
    assert "What to do (certificate-revoked): " in err
