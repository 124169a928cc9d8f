"""Other engines in a process that can be killed: `python -m tests.fuzz.engines` answers one document a line.

They see documents that the hub refuses, so they run here and never in the process that asks. Both are given the key by the
caller, and both are told to take any number of References.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import xmlsec
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.exceptions import SignXMLException

from tests.forging.keys import AT

LIMIT: Final = 5.0
"""Seconds that one document may take both engines together."""
TIMED_OUT: Final = "no answer in time"
ROOT: Final = Path(__file__).parents[2]
DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"


def by_signxml(data: bytes, certificate: str) -> None:
    config = SignatureConfiguration(location=".//", expect_references=True, verification_time=AT)
    XMLVerifier().verify(data, x509_cert=certificate, id_attribute="Id", expect_config=config)


def by_xmlsec(data: bytes, certificate: str) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(data, parser)
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(next(root.iter(DS + "Signature")))


ENGINES: Final[dict[str, Callable[[bytes, str], None]]] = {"signxml": by_signxml, "xmlsec": by_xmlsec}
_REFUSALS: Final = (
    *(SignXMLException, xmlsec.Error, etree.LxmlError, UnsupportedAlgorithm),
    *(ValueError, TypeError, LookupError, AttributeError, StopIteration, AssertionError, OverflowError),
)


def answer(engine: str, data: bytes, certificate: str) -> str:
    """Give an empty text for a valid signature, and otherwise what the engine complains of."""
    try:
        ENGINES[engine](data, certificate)
    except _REFUSALS as error:
        return f"{type(error).__name__}: {error}"[:300] or "refused"
    return ""


def main() -> None:
    """Answer until there is no more to read; what libraries write goes nowhere."""
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        data = base64.b64decode(asked["data"])
        print(
            json.dumps({engine: answer(engine, data, asked["certificate"]) for engine in ENGINES}), file=out, flush=True
        )


class Engines:
    """Ask the engines, in a process that is started again when it was killed for taking too long."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, data: bytes, certificate: bytes) -> dict[str, str]:
        """Give each engine's answer; without one in time, or when the process dies, that is the answer."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {"data": base64.b64encode(data).decode(), "certificate": certificate.decode()}
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            timer.cancel()
        if line:
            found: dict[str, str] = json.loads(line)
            return found
        self.close()
        return dict.fromkeys(ENGINES, TIMED_OUT)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fuzz.engines"]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


@contextlib.contextmanager
def running() -> Iterator[Engines]:
    """Keep a process with the engines for a while."""
    engines = Engines()
    try:
        yield engines
    finally:
        engines.close()


if __name__ == "__main__":
    main()
