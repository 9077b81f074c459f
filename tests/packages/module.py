"""The Python module, as tests/packages.sh installed it: finds, and says what is wrong."""

import os
import sys
from pathlib import Path

import vitrine

work, expected = Path(sys.argv[1]), sys.argv[2].split()
found = vitrine.json("search", work / "catalog", "--text", "red dress", "-k", "2")
assert [hit["id"] for hit in found["hits"]] == expected, found

try:
    vitrine.json("search", work / "nowhere", "--text", "red dress")
except vitrine.VitrineError as error:
    assert error.exit_code == 1 and "nowhere" in str(error) and not str(error).startswith("vitrine:"), error
else:
    raise AssertionError("expected an error for a catalog that is not there")

assert vitrine.run("search", "--no-such-option", capture_output=True).returncode == 2
assert os.access(vitrine.program(), os.X_OK)
print("the module finds", *expected)
