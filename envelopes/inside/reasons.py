"""Why a signature inside an attached file is not good, before anyone asks who made it; and why a file says nothing."""

from __future__ import annotations

from trust_store.errors import reason

_RESEND = "Ask whoever signed it for the file as it was signed; software that saves a file anew breaks signatures"
_OTHER_SOFTWARE = "Ask whoever signed it to sign it with current PDF software (PAdES) and to send that file unchanged"

UNSIGNED = reason(
    "file-unsigned",
    "The file carries no signature of its own",
    "Rely on the signature of the letter around it, or ask its sender for the signed file",
)
NOT_LOOKED_INTO = reason(
    "file-kind-unknown",
    "Signatures in files of this kind are not looked at",
    "Look at it with the program that it is made for; PDF and XML are looked into here",
)
OVER_SIZE = reason(
    "file-over-size", "The file is too large to be looked into", "Download it and look at it with a PDF program"
)
COSTLY = reason(
    "file-too-costly",
    "The file takes more time or memory to look into than any honest one",
    "Treat it with suspicion; ask whoever signed it for the file as it was signed",
)
MANY = reason(
    "file-signatures-many",
    "The file has more signatures than are looked at",
    "Look at it with the program that it is made for; the first ones are shown",
)
PARTLY = reason(
    "file-partly-signed",
    "A part of the document is signed by nobody",
    "Rely only on the parts that are named as signed",
)
DAMAGED = reason("pdf-damaged", "The PDF file cannot be read", _RESEND)
ENCRYPTED = reason("pdf-encrypted", "The PDF file is encrypted", "Ask its sender for the file without a password")
IRREGULAR = reason(
    "pdf-irregular",
    "The PDF file breaks rules of its format, so that readers may see different documents",
    _OTHER_SOFTWARE,
)
KIND = reason("pdf-signature-kind", "The signature is of a kind that is not verified here", _OTHER_SOFTWARE)
RANGE = reason(
    "pdf-byte-range",
    "The signature does not cover the file from its first byte on, with nothing left out but itself",
    "Treat it with suspicion: a gap in what is signed is where a forgery would be put",
)
STRUCTURE = reason("pdf-signature-malformed", "The signature is not built as CMS and PAdES say", _OTHER_SOFTWARE)
CONTENT = reason("pdf-content-changed", "The signed part of the file is not what was signed", _RESEND)
CHANGED = reason(
    "pdf-changed-after",
    "The document was changed after it was signed, beyond what a signed document may take",
    "Ask whoever signed it for the file as it was signed, and compare the two",
)
FORBIDDEN = reason(
    "pdf-change-forbidden",
    "The document was changed after it was signed in a way that this signature forbids",
    "Ask whoever signed it for the file as it was signed, and compare the two",
)
STAMP = reason(
    "file-stamp-wrong",
    "The time-stamp is not one of this signature",
    "Take the time that the signer states as a claim, which nobody vouches for",
)
