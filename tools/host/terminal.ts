// The user's terminal, attached to a guest's console: raw keys in, bytes out, and a way back.

/** Control-A, then: x leaves, a sends Control-A itself, h shows help; as in QEMU. */
const prefix = 0x01;
const interruptKey = 0x03;

export interface TerminalEvents {
  onInput(bytes: Uint8Array): void;
  /** The user wants to leave. */
  onLeave(): void;
  /** Nothing more will come in. */
  onEnd?(): void;
  /** Control-C leaves, too: no guest has the whole keyboard. */
  interruptible?: boolean;
}

export interface Terminal {
  /** Whether a person sits at it: keys arrive one by one, and time should pass as on the wall. */
  readonly interactive: boolean;
  /** True once nothing more will come in. */
  readonly ended: boolean;
  write(bytes: Uint8Array): void;
  /** Puts the terminal back as it was. May be called twice. */
  close(): void;
}

const help = '\r\nC-a x  leave\r\nC-a a  send C-a\r\nC-a h  this help\r\n';

/** Attaches standard input and output. With a pipe or a file as standard input, what comes is passed on as it is. */
export function attachTerminal({ onInput, onLeave, onEnd: tellEnd, interruptible = false }: TerminalEvents): Terminal {
  const { stdin, stdout } = process;
  const interactive = stdin.isTTY === true;
  let ended = false;
  let escaped = false;

  const filter = (chunk: Uint8Array): Uint8Array => {
    const passed: number[] = [];
    for (const byte of chunk) {
      if (!escaped) {
        if (byte === prefix) escaped = true;
        else if (interruptible && byte === interruptKey) onLeave();
        else passed.push(byte);
        continue;
      }
      escaped = false;
      const key = String.fromCharCode(byte).toLowerCase();
      if (key === 'x') onLeave();
      else if (key === 'h') stdout.write(help);
      else passed.push(byte === prefix || key === 'a' ? prefix : byte);
    }
    return Uint8Array.from(passed);
  };
  const onData = (chunk: Buffer): void => {
    const bytes = interactive ? filter(chunk) : new Uint8Array(chunk);
    if (bytes.length > 0) onInput(bytes);
  };
  const onEnd = (): void => {
    ended = true;
    tellEnd?.();
  };
  const restore = (): void => {
    if (interactive) stdin.setRawMode(false);
  };

  if (interactive) {
    stdin.setRawMode(true);
    process.once('exit', restore);
  }
  stdin.on('data', onData);
  stdin.once('end', onEnd);
  stdin.once('error', onEnd);

  let open = true;
  return {
    interactive,
    get ended() {
      return ended;
    },
    write: (bytes) => void stdout.write(bytes),
    close() {
      if (!open) return;
      open = false;
      restore();
      process.removeListener('exit', restore);
      stdin.removeListener('data', onData);
      stdin.removeListener('end', onEnd);
      stdin.removeListener('error', onEnd);
      stdin.pause();
    },
  };
}
