"""Recognise an edXML message by its first two elements, and name what else it is when it is not one."""

from __future__ import annotations

from lxml import etree

from envelopes.edxml.element import Element, local_name, namespace
from envelopes.edxml.syntax import NAMESPACE
from trust_store.errors import Reason, Refused, reason

_EXPORT = "Export the document in the QCVN 102:2016 format, with edXML as the root element"
NOT_EDXML = reason("edxml-root", "This is not an edXML message", _EXPORT)
SOAP = reason("edxml-soap", "This is a SOAP envelope, not an edXML file", _EXPORT)
UNWRAPPED = reason(
    "edxml-unwrapped",
    "The envelope is not wrapped in an edXML element",
    "Make edXML the root element, with edXMLEnvelope and AttachmentEncoded in it",
)
GO_VN = reason("edxml-go-vn", "This is the go.vn eDoc format, which no axis accepts", _EXPORT)
OTHER_NAMESPACE = reason(
    "edxml-namespace",
    "The message is in another namespace",
    f"Use the namespace {NAMESPACE} for edXML and edXMLEnvelope",
)
MALWARE_REPORT = reason(
    "edxml-malware-report",
    "This is an anti-malware report, not a document",
    "Send it to the reporting system of the authority that asks for it",
)


def recognise(root: etree._Element) -> tuple[Element, Element]:
    """Give the root `edXML` and its child `edXMLEnvelope`.

    Raises:
        Refused: it is something else, with a reason of its own for each format that is met in practice.
    """
    refusal = foreign(root)
    if refusal is not None:
        raise refusal
    document = Element(root, "edXML")
    envelope = document.required("edXMLEnvelope")
    if namespace(envelope.node) != NAMESPACE:
        raise Refused(OTHER_NAMESPACE, "The prefix of edXMLEnvelope is not declared", where=envelope.where)
    return document, envelope


def foreign(root: etree._Element) -> Refused | None:
    """Say what is wrong with a root that is no edXML message; of one that is nothing else is asked."""
    why = _foreign(root)
    return Refused(why, where=f"{local_name(root)}, line {root.sourceline}") if why else None


def _foreign(root: etree._Element) -> Reason | None:
    name, space = local_name(root), namespace(root)
    if _reports_malware(root):
        return MALWARE_REPORT
    if name == "Envelope":
        return SOAP
    if space == "http://www.go.vn/eDoc":
        return GO_VN
    if name == "edXMLEnvelope":
        return UNWRAPPED
    if name != "edXML":
        return NOT_EDXML
    return None if space == NAMESPACE else OTHER_NAMESPACE


def _reports_malware(root: etree._Element) -> bool:
    tags = {str(node.tag) for node in root.iter("*")}
    suspected = [tag for tag in tags if "AVReport" in tag or "edxml.gov.vn" in tag]
    return any(_is_report(tag) for tag in suspected)


def _is_report(tag: str) -> bool:
    space, _, name = tag.rpartition("}")
    return name.rpartition(":")[2] == "AVReport" or "edxml.gov.vn" in space
