"""Nothing is asked of the network, by Streamlit neither.

To judge a websocket from another origin, it asks a service elsewhere for this machine's own address, and all sessions
wait meanwhile. No address is right that has to be asked for: `server.allowedHosts` names those that are.
"""

from __future__ import annotations

from streamlit import net_util


def ask_nobody() -> None:
    """Know of no address but those that were named; once a process, and no option says so."""
    net_util.get_external_ip = _nothing


def _nothing() -> None:
    return None
