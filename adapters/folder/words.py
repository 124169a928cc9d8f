"""The texts that clerks read: Vietnamese first, then the words of the hub. What others wrote stays on its own line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from adapters.folder.mapping import MARK
from adapters.folder.names import one_line
from adapters.folder.vietnamese import EVENTS, GENERAL, STATUSES, VIETNAMESE
from exchange.client import (
    VIETNAM,
    DeliveryView,
    Finding,
    Letter,
    Message,
    MomentView,
    Refused,
    StatusNotice,
    SubmissionView,
    Unpacked,
)


def error_text(refusal: Refused, name: str, at: datetime) -> bytes:
    """Write an error.txt: what failed, where, what to do; its first line carries the stable code."""
    reason = refusal.reason
    title, fix = VIETNAMESE.get(reason.code, GENERAL)
    return _text(
        f"{MARK}{reason.code}",
        f"Lúc / At: {local(at)}",
        f"Mục / Item: {name}",
        "",
        f"Lỗi: {title}",
        f"Chi tiết: {refusal.detail}",
        *([f"Ở đâu: {refusal.where}"] if refusal.where else []),
        f"Cách xử lý: {fix}",
        "Sau khi sửa, đưa thư mục này vào outbox để gửi lại.",
        "",
        f"Error: {reason.title}",
        f"Detail: {refusal.detail}",
        *([f"Where: {refusal.where}"] if refusal.where else []),
        f"What to do: {reason.fix}",
        "When it is corrected, move this folder into outbox to try again.",
    )


def trouble_text(refusal: Refused, at: datetime) -> bytes:
    """Write a trouble.txt: what keeps the adapter from working at all; it goes on trying."""
    reason = refusal.reason
    title, fix = VIETNAMESE.get(reason.code, ("Có trục trặc", "Xem phần tiếng Anh bên dưới, hoặc hỏi quản trị viên"))
    return _text(
        f"{MARK}{reason.code}",
        f"Lúc / At: {local(at)}",
        "",
        f"Trục trặc: {title}. {fix}. Chương trình vẫn tiếp tục thử; không văn bản nào bị mất.",
        "",
        f"Trouble: {reason.title}: {refusal.detail}" + (f" ({refusal.where})" if refusal.where else ""),
        f"What to do: {reason.fix}. The adapter goes on trying; no document is lost.",
    )


def sent_text(submission: SubmissionView) -> bytes:
    """Write the beginning of a status.txt: the hub took the letter on."""
    return _text(
        f"Số hiệu / Document: {submission.message_id}",
        f"Mã trên trục / Key at the hub: {submission.message}",
        f"SHA-256: {submission.digest}",
        "",
        f"{local(submission.submitted_at)}  Trục đã nhận / accepted by the hub (receipt.xml)",
    )


def event_line(moment: MomentView) -> str:
    """Write one line of a status.txt for an event."""
    words = EVENTS.get(moment.what, moment.what)
    text = f": {moment.text}" if moment.text else ""
    return one_line(f"{local(moment.at)}  {moment.receiver}: {words} / {moment.what}{text}")


def notice_line(delivery: DeliveryView, notice: StatusNotice) -> str:
    """Write one line of a status.txt for a status notice."""
    vietnamese, english = STATUSES.get(notice.status_code, ("Trạng thái", "status"))
    text = f": {notice.description}" if notice.description else ""
    code = f"[{notice.status_code}]"
    return one_line(f"{local(delivery.consigned_at)}  {delivery.sender} {code} {vietnamese} / {english}{text}")


def about_text(
    delivery: DeliveryView, message: Message | Refused, finding: Finding, files: Sequence[tuple[str, Unpacked]]
) -> bytes:
    """Write an about.txt: who wrote, when, about what, whether the signer is believed, and what became of the files."""
    return _text(
        f"Nơi gửi / From: {delivery.sender}{_sender_name(message)}",
        f"Số, ký hiệu / Number: {delivery.number}/{delivery.notation}",
        f"Ngày ban hành / Issued: {delivery.promulgated}",
        f"Trích yếu / Subject: {delivery.subject}",
        f"Đến trục lúc / At the hub since: {local(delivery.consigned_at)}",
        f"Mã văn bản / Document: {delivery.message_id}",
        f"Mã trên trục / Key at the hub: {delivery.message}",
        f"SHA-256: {delivery.digest}",
        f"Chữ ký / Signature: {finding.verdict}. {finding.reason} {finding.text}",
        "",
        *_content_lines(message),
        *_file_lines(files),
    )


def local(moment: datetime) -> str:
    """Write a moment in the local time of Vietnam."""
    return moment.astimezone(VIETNAM).isoformat(sep=" ", timespec="seconds")


def _sender_name(message: Message | Refused) -> str:
    name = None if isinstance(message, Refused) else message.sender.name
    return f" ({name})" if name else ""


def _content_lines(message: Message | Refused) -> Iterable[str]:
    if isinstance(message, Refused):
        yield "Không đọc được nội dung; bản gốc ở letter.xml / Content not readable, the original is letter.xml"
        yield message.text
    elif isinstance(message, StatusNotice):
        vietnamese, english = STATUSES.get(message.status_code, ("Trạng thái", "status"))
        about = message.response_for.document_id or message.response_for.code
        yield f"Trạng thái / Status [{message.status_code}]: {vietnamese} / {english}: {message.description or ''}"
        yield f"Về văn bản / About: {about}"
    else:
        yield from _letter_lines(message)


def _letter_lines(letter: Letter) -> Iterable[str]:
    if letter.due_date:
        yield f"Hạn trả lời / Answer due: {letter.due_date:%d/%m/%Y}"
    carried = {attachment.content_id for attachment in letter.attachments}
    for reference in letter.references:
        if reference.content_id not in carried:
            name = reference.name or reference.content_id
            yield f"Tệp không nằm trong văn bản, chưa tải về / File beside the letter, not fetched: {name}"


def _file_lines(files: Sequence[tuple[str, Unpacked]]) -> Iterable[str]:
    for name, file in files:
        if file.refusal is not None:
            yield f"Tệp còn trong letter.xml / File left in letter.xml: {file.name}: {file.refusal.text}"
        elif name != file.name:
            yield f"Tệp / File: {name}  (tên gốc / named by the sender: {file.name})"
        else:
            yield f"Tệp / File: {name}"


def _text(*lines: str) -> bytes:
    """With a byte order mark and CRLF, as the simplest editor on a clerk's machine reads it."""
    return "\r\n".join(["\N{ZERO WIDTH NO-BREAK SPACE}" + one_line(lines[0]), *map(one_line, lines[1:]), ""]).encode()
