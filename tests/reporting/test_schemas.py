from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.records import Record
from medtransfer.reporting.schema_files import DOCUMENTS, FOLDER, schema_of


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_the_published_schema_is_that_of_the_record(document: type[Record]) -> None:
    name, content = schema_of(document)
    assert re.fullmatch(r"[a-z]+-\d+\.json", name)
    assert (FOLDER / name).read_text(encoding="utf-8") == content


def test_what_is_written_obeys_its_schema(evaluation: Evaluation) -> None:
    _, schema = schema_of(Evaluation)
    validator = Draft202012Validator(json.loads(schema))
    written = json.loads(evaluation.model_dump_json())
    assert list(validator.iter_errors(written)) == []
    assert list(validator.iter_errors(written | {"schema_version": 1}))
