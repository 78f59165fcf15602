"""Where the folders lie that are shipped beside the package: `apps` and `sample_data`."""

from __future__ import annotations

from pathlib import Path

import medtransfer
from medtransfer.core.errors import UnusableInputError


def bundled(name: str) -> Path:
    """The folder `name`: inside an installed wheel, or beside the package in a checkout.

    Raises:
        UnusableInputError: It is in neither place.
    """
    package = Path(medtransfer.__file__).parent
    for place in (package / "_bundled" / name, package.parent / name):
        if place.is_dir():
            return place
    raise UnusableInputError(
        f"the folder {name} is not there",
        code="NotInstalled",
        path=package,
        hint="Install medtransfer again.",
    )
