"""The reasons that clerks meet most often, in Vietnamese: what it means, and what to do. The code stays the same."""

from __future__ import annotations

from typing import Final

GENERAL: Final = (
    "Văn bản không gửi được",
    "Xem phần tiếng Anh bên dưới, hoặc gửi mã lỗi này cho quản trị viên của trục",
)
VIETNAMESE: Final[dict[str, tuple[str, str]]] = {
    "adapter-running": ("Một chương trình khác đang dùng thư mục này", "Dừng chương trình kia, hoặc chọn thư mục khác"),
    "attachment-not-zip": ("Tệp .zip không mở được", "Kiểm tra lại tệp, rồi gửi lại"),
    "certificate-expired": ("Chứng thư số đã hết hạn", "Gia hạn chứng thư số, đăng ký chứng thư mới, rồi ký lại"),
    "certificate-revoked": ("Chứng thư số đã bị thu hồi", "Ký bằng chứng thư còn hiệu lực, hoặc hỏi quản trị viên"),
    "content-changed": ("Văn bản bị thay đổi sau khi ký", "Gửi lại bản gốc đã ký, hoặc ký lại"),
    "content-not-intact": ("Nội dung nhận được không đúng như trục thông báo", "Chương trình sẽ tải lại"),
    "edxml-future": ("Ngày ban hành ở tương lai", "Sửa lại ngày ban hành, hoặc gửi khi đến ngày"),
    "edxml-receiver-twice": ("Một nơi nhận bị ghi hai lần", "Ghi mỗi nơi nhận một lần"),
    "forbidden": ("Đơn vị không có quyền làm việc này", "Hỏi quản trị viên của trục"),
    "hub-unreachable": ("Không kết nối được với trục", "Kiểm tra mạng và địa chỉ; chương trình sẽ tự gửi lại"),
    "letter-toml-files": ("Tệp đính kèm không khớp với letter.toml", "Ghi đủ tên tệp, hoặc bỏ dòng `files`"),
    "letter-toml-malformed": ("Tệp letter.toml viết sai", "Sửa chỗ được nêu, rồi đưa cả thư mục vào outbox lần nữa"),
    "local-system-failed": ("Máy này không đọc hoặc ghi được tệp", "Kiểm tra dung lượng đĩa và quyền truy cập"),
    "may-not-write": (
        "Quy định trên trục không cho đơn vị gửi đến nơi nhận này",
        "Bỏ nơi nhận đó, hoặc hỏi quản trị viên của trục về quy định được nêu",
    ),
    "message-id-conflict": (
        "Mã định danh văn bản này đã dùng cho nội dung khác",
        "Đặt số khác cho văn bản mới; văn bản đã gửi trước vẫn giữ nguyên",
    ),
    "outbox-empty": ("Tệp rỗng", "Kiểm tra tệp rồi đưa vào outbox lần nữa"),
    "outbox-not-a-file": (
        "Có thứ không phải là tệp thường",
        "Chép chính tệp đó vào outbox: không dùng liên kết, không để thư mục con",
    ),
    "outbox-too-large": ("Tệp quá lớn", "Gửi ít tệp hơn, tệp nhỏ hơn, hoặc chia thành nhiều văn bản"),
    "outbox-unknown": (
        "Không có gì gửi được ở đây",
        "Đưa tệp edXML (.edxml, .xml), hoặc thư mục có letter.toml và tệp đính kèm",
    ),
    "outbox-unreadable": ("Không đọc được tệp", "Cấp quyền đọc cho chương trình rồi đưa tệp vào lại"),
    "party-suspended": ("Đơn vị đang bị tạm dừng", "Hỏi quản trị viên của trục"),
    "receiver-suspended": ("Nơi nhận đang tạm dừng, không nhận văn bản", "Gửi lại khi nơi nhận hoạt động trở lại"),
    "receiver-unknown": ("Nơi nhận chưa đăng ký trên trục", "Kiểm tra lại mã định danh của nơi nhận"),
    "request-too-large": ("Văn bản lớn hơn mức trục nhận", "Giảm dung lượng tệp đính kèm"),
    "sender-mismatch": (
        "Nơi gửi ghi trong văn bản không phải là đơn vị ký",
        "Sửa From/OrganId, hoặc ký đúng chứng thư",
    ),
    "signature-missing": ("Văn bản chưa được ký số", "Ký số văn bản rồi gửi lại"),
    "unauthenticated": ("Trục không nhận ra đơn vị này", "Kiểm tra tệp token; xin token mới nếu đã hết hạn"),
    "wrong-holder": (
        "Chứng thư số không phải của đơn vị gửi",
        "Ký bằng chứng thư của đơn vị, hoặc đăng ký chứng thư này",
    ),
    "xml-limits": ("Văn bản quá lớn hoặc quá phức tạp", "Giảm dung lượng, hoặc chia thành nhiều văn bản"),
}
EVENTS: Final[dict[str, str]] = {
    "ContentConsignment": "Đã vào hộp thư của nơi nhận",
    "ContentHandover": "Nơi nhận đã nhận được",
    "ConsignmentAcceptance": "Nơi nhận đã tiếp nhận",
    "ConsignmentRejection": "Nơi nhận từ chối tiếp nhận",
}
STATUSES: Final[dict[str, tuple[str, str]]] = {
    "01": ("Đã đến", "arrived"),
    "02": ("Từ chối tiếp nhận", "refused"),
    "03": ("Đã tiếp nhận", "accepted"),
    "04": ("Đã phân công", "assigned"),
    "05": ("Đang xử lý", "in progress"),
    "06": ("Hoàn thành", "completed"),
    "13": ("Lấy lại", "asked to give back"),
    "15": ("Đồng ý", "agreed"),
    "16": ("Từ chối yêu cầu", "disagreed"),
}
"""What receivers report, by StatusCode."""
