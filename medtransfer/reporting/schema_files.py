"""The JSON Schemas beside this file, as the records have them: `python -m medtransfer.reporting.schema_files`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.evaluated.comparison import Comparison
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.evaluated.monitoring import Monitoring
from medtransfer.core.files import write_text

if TYPE_CHECKING:
    from medtransfer.core.records import Record

FOLDER: Final = Path(__file__).with_name("schemas")
DOCUMENTS: Final[tuple[type[Record], ...]] = (Evaluation, Comparison, Monitoring)


def schema_of(document: type[Record]) -> tuple[str, str]:
    """File name and content, such as `evaluation-2.json`."""
    version = document.model_fields["schema_version"].default
    name = f"{document.__name__.lower()}-{version}.json"
    return name, json.dumps(document.model_json_schema(mode="serialization"), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for one in DOCUMENTS:
        file, content = schema_of(one)
        write_text(FOLDER / file, content)
