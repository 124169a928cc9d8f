"""What every test shares: no deadline for generated examples, and the same examples in every run of CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("congvan", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("congvan")
