// What consoles write, on its way to the command: devices hand on byte by byte, and a message for each would cost many times
// what the byte has cost the guest.

import type { FromWorker } from './protocol.ts';

const pieceBytes = 16 * 1024;

/** Keeps the order of all messages. Console text waits until another message, `flush` or a full piece takes it along. */
export class ConsolePieces {
  private cell = '';
  private readonly piece = new Uint8Array(pieceBytes);
  private length = 0;

  constructor(private readonly post: (message: FromWorker) => void) {}

  tell(message: FromWorker): void {
    if (message.kind === 'console') this.write(message.cell, message.bytes);
    else {
      this.flush();
      this.post(message);
    }
  }

  private write(cell: string, bytes: Uint8Array): void {
    if (cell !== this.cell || bytes.length > pieceBytes - this.length) this.flush();
    this.cell = cell;
    if (bytes.length > pieceBytes) this.post({ kind: 'console', cell, bytes });
    else {
      this.piece.set(bytes, this.length);
      this.length += bytes.length;
    }
  }

  flush(): void {
    if (this.length === 0) return;
    this.post({ kind: 'console', cell: this.cell, bytes: this.piece.slice(0, this.length) });
    this.length = 0;
  }
}
