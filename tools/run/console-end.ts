// The end of a console's text, which is all that is kept of it. In one buffer: a text that is put together from pieces holds on
// to each of them, at many times its length.

/** Bytes in UTF-8 that are kept to be matched. */
export const keptBytes = 256 * 1024;

export class ConsoleEnd {
  private bytes = Buffer.alloc(0);
  private length = 0;

  add(text: string): void {
    const more = Buffer.byteLength(text);
    if (this.length + more > this.bytes.length) this.makeRoom(more);
    this.length += this.bytes.write(text, this.length);
  }

  /** Moves the end to the beginning now and then, so that most pieces move nothing. */
  private makeRoom(more: number): void {
    const start = this.start(Math.max(0, this.length - keptBytes));
    const needed = this.length - start + more;
    const roomier = needed > this.bytes.length || this.bytes.length < 2 * keptBytes;
    const next = roomier ? Buffer.alloc(Math.max(needed, Math.min(2 * this.bytes.length, 2 * keptBytes))) : this.bytes;
    this.bytes.copy(next, 0, start, this.length);
    this.bytes = next;
    this.length -= start;
  }

  /** The beginning of a character, at `at` or behind it. */
  private start(at: number): number {
    while (at < this.length && (this.bytes[at]! & 0xc0) === 0x80) at++;
    return at;
  }

  get text(): string {
    return this.bytes.toString('utf8', this.start(Math.max(0, this.length - keptBytes)), this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Bytes of the host that it takes. */
  get heldBytes(): number {
    return this.bytes.length;
  }
}
