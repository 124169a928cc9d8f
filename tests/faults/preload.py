"""What a process of the nursery has imported before it begins."""

import exchange.sandbox.making
import exchange.wiring

__all__ = ["exchange"]
