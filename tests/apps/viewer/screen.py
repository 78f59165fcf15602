"""A Streamlit screen with the viewer and a button, which writes down each time that it is run."""

import json
import os
from pathlib import Path

import streamlit as st

from apps.viewer import viewer

with Path(os.environ["VIEWER_RUNS"]).open("a", encoding="utf-8") as runs:
    runs.write("run\n")
st.title("Study")
st.button("Run again")
if not st.toggle("Away"):
    viewer(json.loads(os.environ["VIEWER_SERIES"]), key="viewer", height=560)
