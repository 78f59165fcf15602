"""The screen of `screen.py` on Streamlit's own server, under a path of its own, with voxels beside it: PORT."""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1])]

from viewer_pages import Pages  # noqa: E402
from viewer_phantom import chest  # noqa: E402

pages = Pages(voxels={"chest": chest(24, 64)})
config = {
    "server.port": int(sys.argv[1]),
    "server.address": "127.0.0.1",
    "server.headless": True,
    "server.baseUrlPath": "ward/clinic",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "theme.base": "dark",
}
st.App(HERE / "screen.py", routes=pages.routes("/ward/clinic")).run(config=config)
