"""Write the profiles' schema documents into the package; a changed file is a new schema digest."""

from __future__ import annotations

import json
from pathlib import Path

import cityledger.profiles
from cityledger.profiles.schema_documents import documents

folder = Path(cityledger.profiles.__file__).parent / "schemas"
for name, document in documents().items():
    (folder / f"{name}.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(folder.name, name)
