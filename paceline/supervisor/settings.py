"""Speaking with a stack that `paceline up` has started.

In: its data folder. Out: its settings in this process's environment. Guarantee: what is set already
stays; a folder without a stack changes nothing.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

SETTINGS_FILE = "settings.env"


def adopt(data_dir: Path) -> None:
    """Take over the settings that the stack has left in its folder, unless we have our own."""
    file = data_dir / SETTINGS_FILE
    if "PACELINE_KAFKA" in os.environ or not file.is_file():
        return
    for word in shlex.split(file.read_text("utf-8"), comments=True):
        name, found, value = word.partition("=")
        if found:
            os.environ.setdefault(name, value)
