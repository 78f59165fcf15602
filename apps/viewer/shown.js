// Tell the server what is on display, at most once a pause: a note for the record, never a reason to draw anything anew.

export const PAUSE = 300;

/** A function to call at each change. The last state of a burst is sent, once nothing has changed for `PAUSE` ms. */
export function teller({ url, token, onRefused, post = globalThis.fetch, later = setTimeout, never = clearTimeout }) {
  let waiting = null;
  let last = "";
  const send = async (body) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    try {
      const answer = await post(url, { method: "POST", headers, body, keepalive: true, credentials: "same-origin" });
      if (!answer.ok) onRefused?.(answer.status);
    } catch {
      last = ""; // a lost connection: the next change tries again, and reading goes on meanwhile
    }
  };
  const tell = (state) => {
    const body = JSON.stringify(state);
    if (!url || body === last) return;
    last = body;
    never(waiting);
    waiting = later(() => send(body), PAUSE);
  };
  tell.stop = () => never(waiting);
  return tell;
}
