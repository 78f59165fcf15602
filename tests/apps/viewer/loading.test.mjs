import assert from "node:assert/strict";
import test from "node:test";
import { fixtures, viewer } from "./load.mjs";

const { middleFirst } = await viewer("order.js");
const { emptyVolume, fill, sliceOf } = await viewer("loading.js");
const { Trouble, tooLarge } = await viewer("trouble.js");
const { teller } = await viewer("shown.js");

const SHAPE = [5, 3, 4];

/** What a server sends of slices that hold 100·k + i, in pieces of so many bytes, and what it says. */
function server({ piece = 7, status = 200, bytes = Infinity, breaks = false } = {}) {
  const slices = middleFirst(SHAPE[0]).map((k) => Int16Array.from({ length: 12 }, (_, i) => 100 * k + i - 30));
  const whole = Buffer.concat(slices.map((slice) => Buffer.from(slice.buffer))).subarray(0, bytes);
  const asked = [];
  const get = async (url, options) => {
    asked.push({ url, ...options });
    let at = 0;
    const body = new ReadableStream({
      pull(stream) {
        if (at >= whole.length) {
          if (breaks) stream.error(new TypeError("network"));
          else stream.close();
          return;
        }
        stream.enqueue(Uint8Array.from(whole.subarray(at, at + piece)));
        at += piece;
      },
    });
    return { ok: status === 200, status, body };
  };
  return { get, asked };
}

const receive = (sent, more = {}) => {
  const volume = emptyVolume({ shape: SHAPE, channels: 1, type: "int16" });
  const arrived = [];
  const onSlice = (slice) => arrived.push(slice);
  const done = fill(volume, { url: "u", token: "t" }, { get: sent.get, onSlice, ...more });
  return { volume, arrived, done };
};

test("slices travel the middle one first, as the server's own function has it", () => {
  for (const [n, order] of Object.entries(fixtures().orders)) assert.deepEqual(middleFirst(Number(n)), order, n);
  assert.deepEqual(middleFirst(6), [3, 4, 2, 5, 1, 0]);
});

test("whatever the pieces, each slice comes to its place, and is there when its last byte is", async () => {
  for (const piece of [1, 7, 24, 25, 1000]) {
    const sent = server({ piece });
    const { volume, arrived, done } = receive(sent);
    await done;
    assert.deepEqual(arrived, [2, 3, 1, 4, 0]);
    assert.ok(volume.complete);
    for (let k = 0; k < 5; k += 1) assert.equal(sliceOf(volume, k)[11], 100 * k - 19);
    assert.equal(sent.asked[0].headers.Authorization, "Bearer t");
    assert.equal(sent.asked[0].cache, "no-store");
  }
});

test("each refusal is one sentence with what to do", async () => {
  for (const [status, words, retry] of [
    [403, /Reload this page/, false],
    [401, /session has ended.*Reload/, false],
    [404, /Open the study again/, false],
    [503, /busy.*Try again/, true],
    [500, /status 500.*Try again/, true],
  ]) {
    await assert.rejects(receive(server({ status })).done, (error) => {
      assert.ok(error instanceof Trouble);
      assert.match(error.message, words);
      assert.equal(error.retry, retry);
      return true;
    });
  }
});

test("a lost connection keeps what has come and says how much", async () => {
  for (const sent of [server({ bytes: 50 }), server({ bytes: 50, breaks: true })]) {
    const { volume, done } = receive(sent);
    await assert.rejects(done, /lost after 2 of 5 slices; what has arrived is shown.*Try again/);
    assert.deepEqual([...volume.arrived], [0, 0, 1, 1, 0]);
    assert.equal(sliceOf(volume, 2)[0], 170);
  }
});

test("more bytes than announced are no image", async () => {
  const volume = emptyVolume({ shape: [4, 3, 4], channels: 1, type: "int16" });
  await assert.rejects(fill(volume, { url: "u", token: "t" }, { get: server().get }), /another size than announced/);
});

test("after the first slice there is time to draw it, once", async () => {
  let breaths = 0;
  const { volume, done } = receive(server({ piece: 1000 }), {
    breath: async () => {
      breaths += 1;
      assert.equal(volume.count, 1);
    },
  });
  await done;
  assert.equal(breaths, 1);
  assert.ok(volume.complete);
});

test("what is given up ends quietly", async () => {
  const stop = new AbortController();
  const { arrived, done } = receive(server({ piece: 24 }), {
    signal: stop.signal,
    onSlice: () => stop.abort(),
  });
  await done;
  assert.deepEqual(arrived, []);
});

test("a volume beyond this browser's memory is refused in words", () => {
  assert.throws(() => emptyVolume({ shape: [2 ** 20, 2 ** 16, 2 ** 10], type: "int16" }), /more than this browser can hold/);
  assert.equal(tooLarge(2 ** 30).retry, false);
});

test("a burst of changes is told once, at its end, and the same thing never twice", async () => {
  const [posted, waiting] = [[], []];
  const tell = teller({
    url: "shown",
    token: "t",
    post: async (url, options) => {
      posted.push({ url, ...options });
      return { ok: true };
    },
    later: (act) => waiting.push(act) && waiting.length,
    never: (number) => (waiting[number - 1] = () => {}),
  });
  for (let slice = 1; slice <= 5; slice += 1) tell({ slice });
  tell({ slice: 5 });
  for (const act of waiting) await act();
  assert.equal(posted.length, 1);
  assert.deepEqual(JSON.parse(posted[0].body), { slice: 5 });
  assert.equal(posted[0].headers.Authorization, "Bearer t");
});

test("a refusal of what is told is passed on; a lost connection is tried again with the next change", async () => {
  const refused = [];
  let act = null;
  const answers = [() => ({ ok: false, status: 403 }), () => Promise.reject(new TypeError("network")), () => ({ ok: true })];
  const posted = [];
  const tell = teller({
    url: "shown",
    token: "t",
    onRefused: (status) => refused.push(status),
    post: async (_, { body }) => (posted.push(body), answers.shift()()),
    later: (next) => (act = next),
    never: () => {},
  });
  for (const slice of [1, 2, 2]) {
    tell({ slice });
    await act();
  }
  assert.deepEqual(refused, [403]);
  assert.equal(posted.length, 3);
});
