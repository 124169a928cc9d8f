"""What notices say, in Vietnamese and English; whoever reads one knows what happened and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

from exchange.core.forecast import Outlook, Role
from exchange.core.notices import Wording

SHOWN: Final = 20
"""How many documents a notice names; the others are counted."""
_VIETNAM: Final = timezone(timedelta(hours=7))
_ROLES: Final = {
    Role.PARTY: Wording(vi="chứng thư số", en="certificate"),
    Role.ANCHOR: Wording(vi="chứng thư của cơ quan cấp chứng thư tin cậy", en="certificate of a trusted authority"),
    Role.INTERMEDIATE: Wording(
        vi="chứng thư của cơ quan cấp trung gian", en="certificate of an intermediate authority"
    ),
    Role.HUB: Wording(vi="chứng thư của khóa ký biên nhận", en="certificate of the key that seals receipts"),
    Role.HUB_AUTHORITY: Wording(
        vi="chứng thư của cơ quan cấp chứng thư của trục", en="certificate of the hub's authority"
    ),
    Role.CLIENT_AUTHORITY: Wording(vi="chứng thư cấp cho máy khách", en="certificate of the authority of clients"),
    Role.TLS: Wording(vi="chứng thư TLS", en="TLS certificate"),
}
_TODO: Final = {
    Role.PARTY: "Hãy xin cấp hoặc đăng ký chứng thư mới trước ngày đó và ký bằng chứng thư mới.",
}


def ending_title(outlook: Outlook) -> Wording:
    """Say in a line that a certificate ends, or has ended."""
    name, left = _ROLES[outlook.term.role], outlook.days
    if left < 0:
        return Wording(
            vi=f"Đã hết hạn: {name.vi} của {outlook.term.owner}", en=f"Ended: {name.en} of {outlook.term.owner}"
        )
    return Wording(
        vi=f"Còn {left} ngày: {name.vi} của {outlook.term.owner} sắp hết hạn",
        en=f"{left} days left: {name.en} of {outlook.term.owner} is about to end",
    )


def ending_text(outlook: Outlook) -> Wording:
    """Say which certificate it is, until when, and what to do."""
    term = outlook.term
    todo = _TODO.get(term.role, "Hãy thay bằng chứng thư mới trước ngày đó.")
    return Wording(
        vi=f"{term.subject}\nSHA-256: {term.fingerprint}\nHết hạn: {_local(term.not_after)}\n{todo}",
        en=f"{term.subject}\nSHA-256: {term.fingerprint}\nUntil: {_utc(term.not_after)}\n{outlook.advice}.",
    )


def compromised_title(subject: str) -> Wording:
    """Say in a line that a key was declared compromised."""
    return Wording(vi=f"Lộ khóa: {subject}", en=f"Key compromised: {subject}")


def compromised_text(subject: str, since: datetime, why: str, held: Sequence[str], handed: Sequence[str]) -> Wording:
    """Say since when, why, which documents are held back and which were handed over before."""
    vi = [
        f"Chứng thư: {subject}\nBị lộ khóa từ: {_local(since)}\nLý do: {why}",
        f"Văn bản tạm giữ, chưa giao: {len(held)}{_listed(held, 'và {} văn bản khác')}",
        f"Văn bản đã giao trước đó, cần kiểm tra lại với nơi gửi: {len(handed)}{_listed(handed, 'và {} văn bản khác')}",
    ]
    en = [
        f"Certificate: {subject}\nCompromised since: {_utc(since)}\nWhy: {why}",
        f"Documents held back, not handed out: {len(held)}{_listed(held, 'and {} more')}",
        "Documents handed over before; ask their sender, by another way, whether they are genuine: "
        f"{len(handed)}{_listed(handed, 'and {} more')}",
    ]
    return Wording(vi="\n".join(vi), en="\n".join(en))


def released_title(document: str) -> Wording:
    """Say in a line that a document is no longer held back."""
    return Wording(vi=f"Thôi tạm giữ: {document}", en=f"No longer held back: {document}")


def withdrawn_title(document: str) -> Wording:
    """Say in a line that a document was withdrawn."""
    return Wording(vi=f"Hủy giao: {document}", en=f"Withdrawn: {document}")


def decided_text(document: str, sender: str, why: str) -> Wording:
    """Say of which document an administrator decided, and why."""
    return Wording(
        vi=f"Văn bản: {document}\nNơi gửi: {sender}\nLý do: {why}",
        en=f"Document: {document}\nSender: {sender}\nWhy: {why}",
    )


def _listed(documents: Sequence[str], more: str) -> str:
    lines = [f"\n  - {each}" for each in documents[:SHOWN]]
    if len(documents) > SHOWN:
        lines.append(f"\n  {more.format(len(documents) - SHOWN)}")
    return "".join(lines)


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(_VIETNAM):%d/%m/%Y %H:%M} (+07:00)"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
