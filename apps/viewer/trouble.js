// What went wrong, in one calm sentence with what to do.

const BY_STATUS = {
  401: "Your session has ended. Reload this page, and sign in again if you are asked to.",
  403: "The server does not allow this page to read the images any more. Reload this page, and sign in again if asked.",
  404: "The server no longer holds these images. Open the study again from the worklist.",
  410: "The server no longer holds these images. Open the study again from the worklist.",
  429: "The server is busy. Wait a moment and press Try again.",
  503: "The server is busy. Wait a moment and press Try again.",
};

export class Trouble extends Error {
  constructor(sentence, { retry = true } = {}) {
    super(sentence);
    this.name = "Trouble";
    this.retry = retry;
  }
}

export function refused(status) {
  const sentence = BY_STATUS[status] ?? `The server could not send the images (status ${status}). Press Try again.`;
  return new Trouble(sentence, { retry: ![401, 403, 404, 410].includes(status) });
}

export function lost(slices, all) {
  const held = slices > 0 ? ` after ${slices} of ${all} slices; what has arrived is shown` : "";
  return new Trouble(`The connection to the server was lost${held}. Check the network and press Try again.`);
}

export function tooLarge(bytes) {
  const gigabytes = (bytes / 2 ** 30).toFixed(1);
  return new Trouble(
    `This series takes ${gigabytes} GB, more than this browser can hold. Close other tabs or choose another series.`,
    { retry: false },
  );
}

export const MISFIT = "The images arrived in another size than announced. Open the study again from the worklist.";
