from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from medtransfer.core.files import file_digest
from medtransfer.core.results import Predictions
from medtransfer.evaluation.predictions_io import csv_bytes, read_predictions, write_predictions
from medtransfer.evaluation.provenance import Origins, code_digest, installed, predictions_digest, provenance


def test_the_digest_is_that_of_the_written_table_and_ignores_row_order(
    predictions: Predictions, tmp_path: Path
) -> None:
    digest = predictions_digest(predictions)
    assert digest == hashlib.sha256(csv_bytes(predictions.table)).hexdigest()
    shuffled = replace(predictions, table=predictions.table.sample(frac=1, random_state=0))
    assert predictions_digest(shuffled) == digest
    path = write_predictions(predictions, tmp_path)
    assert file_digest(path) == digest
    assert predictions_digest(read_predictions(path)) == digest


def test_the_digest_sees_the_last_bit(predictions: Predictions) -> None:
    table = predictions.table.copy()
    table.loc[10, "probability_normal"] += 2**-53
    assert predictions_digest(replace(predictions, table=table)) != predictions_digest(predictions)


def test_versions_are_the_installed_ones(predictions: Predictions) -> None:
    made = provenance(predictions, seed=7)
    assert made.packages["numpy"] == version("numpy")
    assert (made.seed, made.bundle_sha256) == (7, predictions.bundle_sha256)
    assert installed("no-such-package-anywhere") == "not installed"


def test_an_edited_source_tree_has_another_digest(tmp_path: Path) -> None:
    assert provenance_code() == code_digest()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("notes")
    first = code_digest(tmp_path)
    for file, content in (("a.py", "x = 2\n"), ("b.py", "x = 1\n")):
        (tmp_path / file).write_text(content)
        code_digest.cache_clear()
        assert code_digest(tmp_path) != first
        first = code_digest(tmp_path)
    for folder in ("_bundled", "__pycache__"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "c.py").write_text("x = 3\n")
    (tmp_path / "notes.txt").write_text("other notes")
    code_digest.cache_clear()
    assert code_digest(tmp_path) == first


def provenance_code() -> str:
    """The digest of this package, computed here from its definition."""
    import medtransfer

    home = Path(medtransfer.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        if "_bundled" in path.parts or "__pycache__" in path.parts:
            continue
        for part in (path.relative_to(home).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()):
            digest.update(len(part.encode()).to_bytes(8, "little") + part.encode())
    return digest.hexdigest()


def test_digests_from_above_are_kept(predictions: Predictions) -> None:
    origins = Origins(cohort_sha256="1" * 64, plan_sha256="2" * 64)
    made = provenance(predictions, seed=0, origins=origins)
    assert (made.cohort_sha256, made.truth_sha256, made.plan_sha256) == ("1" * 64, "", "2" * 64)
    assert made.code_sha256 == code_digest()


def test_torch_is_named_and_not_imported() -> None:
    import subprocess

    code = (
        "import sys; from medtransfer.evaluation.provenance import installed; "
        "print(installed('torch') != '', 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"
