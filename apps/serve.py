"""The server: Streamlit's own, with the app's routes beside it, on this machine only.

python apps/serve.py --port 8501 --bundle BUNDLE [--studies FOLDER] …

It loads the network and asks it once before anybody comes, so that no first user waits and no two load it at once.
"""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
if str(HOME) not in sys.path:  # so that `apps.…` can be imported wherever the folder is installed
    sys.path.insert(0, str(HOME))


def main() -> None:
    """Serve until stopped."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8501)
    known, others = parser.parse_known_args()
    sys.argv[1:] = others  # what is left are the app's own, which `apps.settings` reads

    import streamlit as st

    from apps.server.deep_links import deep_links
    from apps.server.logs import keep_words_out, say_calmly
    from apps.server.options import base_path, options
    from apps.server.outside import ask_nobody
    from apps.server.routes import routes

    keep_words_out()
    ask_nobody()
    screens = sorted(file.stem for file in (HOME / "apps" / "views").glob("[a-z]*.py"))
    places = [*routes(base_path()), *deep_links(screens, base_path())]
    app = st.App(HOME / "apps" / "app.py", routes=places, lifespan=_running, on_script_error=say_calmly)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and so gives everything back
    try:
        app.run(config=options(known.port))
    except KeyboardInterrupt:
        sys.exit(130)


@asynccontextmanager
async def _running(app: Any) -> AsyncIterator[dict[str, Any]]:
    """What is there while the server runs: the loaded network, and who looks after ended sessions and the folder."""
    del app
    from apps.server.keeper import keeping
    from apps.server.warm import warm
    from apps.studies.uploads import remove_leftovers
    from apps.studies.watching import watching

    remove_leftovers()
    warm()
    with keeping(), watching():
        yield {}


if __name__ == "__main__":
    main()
