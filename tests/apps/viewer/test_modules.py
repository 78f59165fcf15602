"""The viewer's modules under Node's own test runner, held against fixtures that are worked out here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from viewer_fixtures import all_fixtures

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("viewer") / "fixtures.json"
    path.write_text(json.dumps(all_fixtures()), encoding="utf-8")
    return path


def test_there_are_files_to_run() -> None:
    assert {"window.test.mjs", "presets.test.mjs", "orientations.test.mjs"} <= set(FILES)


@pytest.mark.skipif(NODE is None, reason="node is not installed: the viewer's modules are tested with its test runner")
@pytest.mark.parametrize("name", FILES)
def test_modules(name: str, fixtures: Path) -> None:
    assert NODE is not None
    environment = {**os.environ, "MEDTRANSFER_FIXTURES": str(fixtures)}
    ran = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", str(HERE / name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "\n# pass 0\n" not in ran.stdout
