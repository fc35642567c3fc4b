"""All that grading imports sooner or later. Imported by the one process from which the workers are forked, so
that each of them has it from the start.
"""

from __future__ import annotations

import rnnlint.grading.worker  # noqa: F401
from rnnlint.rules.registry import all_rules

all_rules()
