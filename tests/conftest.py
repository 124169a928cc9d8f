"""What every test shares: no deadline for generated examples, the same examples in every run of CI, and papers to sign."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

settings.register_profile("congvan", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("congvan")


@pytest.fixture(scope="session")
def papers() -> ModuleType:
    """Load the maker of PDF files, which takes a second, only where it is needed."""
    spec = importlib.util.spec_from_file_location("papers", Path(__file__).parent / "papers.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules["papers"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
