// The file that a trace goes to. Pieces are written at once: a machine makes lines faster than files take them, and what waited
// would pile up.

import { closeSync, openSync, writeSync } from 'node:fs';
import { fileError } from '../refusal.ts';

const pieceLength = 1 << 16;

export class TraceFile {
  private readonly descriptor: number;
  private lines: string[] = [];
  private length = 0;

  /** Throws a Refusal if the file cannot be opened; `write` and `end` do if it takes no more. */
  constructor(private readonly path: string) {
    this.descriptor = this.attempt(() => openSync(path, 'w'));
  }

  private attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw fileError(error, 'write', this.path);
    }
  }

  write(line: string): void {
    this.lines.push(line);
    this.length += line.length;
    if (this.length >= pieceLength) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.from(this.lines.map((line) => `${line}\n`).join(''));
    this.lines = [];
    this.length = 0;
    for (let done = 0; done < bytes.length; )
      done += this.attempt(() => writeSync(this.descriptor, bytes, done, bytes.length - done));
  }

  /** Characters that wait to be written. */
  get waiting(): number {
    return this.length;
  }

  end(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.descriptor);
    }
  }
}
