// The end of a command whose guest ended the run with a code of its own: it becomes the command's.

export class GuestExit extends Error {
  readonly code: number;

  /** Exit codes are a byte: more than that becomes 255. */
  constructor(code: number) {
    super();
    this.code = Math.min(code, 255);
  }
}
