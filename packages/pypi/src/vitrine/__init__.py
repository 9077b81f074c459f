"""Fashion search that runs wholly in the visitor's browser: the command line, and how to run it from a script."""

from __future__ import annotations

import json as _json
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["VitrineError", "json", "main", "program", "run"]


class VitrineError(RuntimeError):
    """What the program says when it fails. `exit_code` is its own."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def program() -> Path:
    """The program's path. The environment variable VITRINE_PROGRAM names another one."""
    if named := os.environ.get("VITRINE_PROGRAM"):
        return Path(named)
    file = Path(__file__).with_name("program") / ("vitrine.exe" if os.name == "nt" else "vitrine")
    if not file.is_file():
        raise VitrineError(
            f"finding the program: expected {file}, got none; install the wheel of this platform again, or build the "
            "program from its sources and name it in VITRINE_PROGRAM"
        )
    return file


def run(*arguments: str | os.PathLike, **options) -> subprocess.CompletedProcess:
    """Runs a command; `options` are those of `subprocess.run`."""
    return subprocess.run([program(), *arguments], **options)


def json(*arguments: str | os.PathLike) -> dict:
    """Runs a command with `--json` and returns what it prints. Raises VitrineError where it fails."""
    done = run(*arguments, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    notes = done.stderr.decode("utf-8", "replace")
    if done.returncode:
        raise VitrineError(_sentence(notes) or f"vitrine ended with {done.returncode}", done.returncode)
    return _json.loads(done.stdout)


def _sentence(notes: str) -> str:
    """The program's last words: they begin with `vitrine:` where it failed, with `error:` where it was called wrongly."""
    found = list(re.finditer(r"^(?:vitrine|error): ", notes, re.MULTILINE))
    return notes[found[-1].end() :].strip() if found else ""


def main() -> None:
    """What the script `vitrine` and `python -m vitrine` do: become the program."""
    try:
        file = program()
        if os.name == "nt":
            sys.exit(subprocess.call([file, *sys.argv[1:]]))
        os.execv(file, [file, *sys.argv[1:]])
    except (OSError, VitrineError) as error:
        sys.exit(f"vitrine: {error}")
