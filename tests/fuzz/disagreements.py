"""Compare the hub with signxml and xmlsec on mutants, and explain every disagreement by a rule: `make engines MUTANTS=10000`.

Where the hub takes what an engine refuses, a rule about the document and the complaint must fit. Where an engine believes what
the hub refuses, undoing what that engine overlooks must give a letter that the hub takes. What no rule explains fails.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from envelopes.opened import open_signed
from envelopes.signature.algorithms import ED25519
from tests.forging.letters import DS, accept_opened, write
from tests.fuzz.engines import ENGINES, TIMED_OUT, Engines, running
from tests.fuzz.leniences import LENIENCES, Lenience, may_sign, sign_anew, value
from tests.fuzz.mutants import Mutant, content, describe, make, originals
from trust_store.errors import Refused

SEED = 20261125
MOST = 3
"""So many leniences at once may explain one disagreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Hold the answers about one mutant: the code of our reason, the engines' complaints; empty texts mean valid."""

    mutant: Mutant
    ours: str
    engines: dict[str, str]

    def disagreeing(self) -> Iterable[str]:
        return (engine for engine, complaint in self.engines.items() if bool(self.ours) != bool(complaint))


def compare(mutant: Mutant, engines: Engines) -> Comparison:
    """Ask all three; the engines are given the key of the certificate that the hub believes, else the genuine one."""
    certificate, ours = mutant.base.holder.certificate, ""
    try:
        opened = open_signed(mutant.data)
        accept_opened(opened)
        certificate = opened.chain[0]
    except Refused as refusal:
        ours = refusal.reason.code
    return Comparison(mutant=mutant, ours=ours, engines=engines.ask(mutant.data, certificate.pem))


Strictness = Callable[[etree._Element, str, str], bool]
"""(the document, the engine, its complaint): whether the rule is the reason that the engine refuses."""


def _knows_no_cid(root: etree._Element, _engine: str, _complaint: str) -> bool:
    return any((node.get("URI") or "").startswith("cid:") for node in root.iter(DS + "Reference"))


def _knows_no_edwards(root: etree._Element, _engine: str, complaint: str) -> bool:
    used = any(node.get("Algorithm") == ED25519 for node in root.iter(DS + "SignatureMethod"))
    return used and ("SignatureMethod" in complaint or "cannot load key" in complaint)


def _misreads_inclusive(root: etree._Element, engine: str, complaint: str) -> bool:
    methods = root.iter(DS + "CanonicalizationMethod", DS + "Transform")
    inclusive = any("xml-c14n" in node.get("Algorithm", "") for node in methods) or not list(
        root.iter(DS + "Transforms")
    )
    return engine == "signxml" and inclusive and complaint.startswith(("InvalidSignature", "InvalidDigest"))


def _reads_other_bytes(_root: etree._Element, engine: str, complaint: str) -> bool:
    return engine == "signxml" and complaint.startswith(("XMLSyntaxError", "InvalidInput: Unable to parse"))


def _knows_no_relative(root: etree._Element, engine: str, complaint: str) -> bool:
    """Canonical XML refuses relative namespaces, and xmlsec those too that stand in the signature, which is not covered."""
    spaces = {space for node in root.iter(DS + "*") for space in node.nsmap.values() if space}
    return engine == "xmlsec" and "failed to verify" in complaint and any(":" not in space for space in spaces)


STRICTNESSES: dict[str, Strictness] = {
    "cannot resolve files by cid:": _knows_no_cid,
    "knows no Ed25519": _knows_no_edwards,
    "canonicalises parts inclusively as libxml2 does, which is wrong": _misreads_inclusive,
    "refuses a relative namespace in the signature": _knows_no_relative,
    "does not read these bytes": _reads_other_bytes,
}


def explain(compared: Comparison, engine: str) -> str:
    """Name the rules that explain why an engine answers otherwise than the hub; empty when none does."""
    complaint = compared.engines[engine]
    if complaint == TIMED_OUT:
        return "" if not compared.ours else TIMED_OUT
    if not compared.ours:
        root = etree.fromstring(compared.mutant.data)
        return next((name for name, fits in STRICTNESSES.items() if fits(root, engine, complaint)), "")
    return _explain_belief(compared, engine)


def _explain_belief(compared: Comparison, engine: str) -> str:
    if compared.ours in {"coverage-incomplete", "reference-not-allowed"}:
        return "leaves it to the caller what is covered"
    read = _as_engines_read(compared.mutant.data)
    if read is None:
        return ""
    data, said = read
    if _taken(data, compared.mutant):
        return said
    usable = [each for each in LENIENCES if engine in each.engines and _changes(data, each, compared.mutant)]
    for size in range(1, MOST + 1):
        for chosen in itertools.combinations(usable, size):
            if _taken(_undone(data, chosen, compared.mutant), compared.mutant):
                return " and ".join(filter(None, (said, *(each.says for each in chosen))))
    return ""


def _as_engines_read(data: bytes) -> tuple[bytes, str] | None:
    """Write what the engines' parser reads as the hub would read it: no DOCTYPE, XML 1.0, UTF-8."""
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        return None
    information = root.getroottree().docinfo
    said = "takes a DOCTYPE" if information.doctype else ""
    if (information.encoding or "UTF-8").upper() not in {"UTF-8", "UTF-16"} or information.xml_version != "1.0":
        said = " and ".join(filter(None, (said, "reads other encodings and versions of XML")))
    around = [*root.itersiblings(preceding=True)][::-1], [*root.itersiblings()]
    before, after = (b"".join(etree.tostring(node, with_tail=False) for node in nodes) for nodes in around)
    return before + etree.tostring(root, encoding="UTF-8", xml_declaration=False) + after, said


def _changes(data: bytes, lenience: Lenience, mutant: Mutant) -> bool:
    """Tell whether there is something of that kind to undo."""
    return lenience.undo is value or _undone(data, (lenience,), mutant, sign=False) != write(etree.fromstring(data))


def _undone(data: bytes, chosen: tuple[Lenience, ...], mutant: Mutant, *, sign: bool = True) -> bytes:
    root = etree.fromstring(data)
    signature = next(root.iter(DS + "Signature"), None)
    signs = sign and any(each.signs for each in chosen)
    if signature is None or (signs and not may_sign(signature, mutant.base, chosen)):
        return write(root)
    try:
        for each in chosen:
            each.undo(root, signature, mutant.base)
        if signs:
            sign_anew(signature, mutant.base)
    except (ValueError, LookupError, Refused, etree.LxmlError):
        return data
    return write(root)


def _taken(data: bytes, mutant: Mutant) -> bool:
    try:
        return content(data, mutant.base) in originals()[mutant.base.name]
    except Refused:
        return False


def tabulate(numbers: Iterable[int], seed: int = SEED) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Compare mutants; give how often each (engine, what it says against the hub, rule) occurred, and the unexplained."""
    table: Counter[tuple[str, str, str]] = Counter()
    unexplained = []
    with running() as engines:
        for number in numbers:
            compared = compare(make(number, seed), engines)
            disagreeing = set(compared.disagreeing())
            for engine in ENGINES:
                if engine not in disagreeing:
                    table[engine, "agrees", "refused" if compared.ours else "valid"] += 1
                    continue
                rule = explain(compared, engine)
                side = "believes what the hub refuses" if compared.ours else "refuses what the hub takes"
                table[engine, side, rule or "UNEXPLAINED"] += 1
                if not rule:
                    said = compared.ours or compared.engines[engine]
                    unexplained.append(f"{engine} {side} ({said}): {describe(compared.mutant)}")
    return table, unexplained


def main() -> int:
    """Print the table, then what nothing explains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    table, unexplained = tabulate(range(options.count), options.seed)
    for (engine, side, rule), count in sorted(table.items(), key=lambda item: (item[0][:2], -item[1])):
        print(f"{count:>7,}  {engine:<8} {side:<31} {rule}")
    for each in unexplained:
        print(each)
    print(f"{options.count:,} mutants, {len(unexplained)} disagreements without a rule")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
