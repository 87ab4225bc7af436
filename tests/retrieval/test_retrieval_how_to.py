"""What the page about similar cases shows is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "similar.md").read_text(encoding="utf-8")


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "similar.md", "exec"), {})


def test_every_key_of_the_json_is_described() -> None:
    schema = json.loads((DOCS / "similar.schema.json").read_text(encoding="utf-8"))
    keys = {
        *schema["properties"],
        *schema["properties"]["index"]["properties"],
        *schema["$defs"]["lesion"]["properties"],
    }
    keys |= {*schema["properties"]["queries"]["items"]["properties"]["matches"]["items"]["properties"], "matches"}
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []
