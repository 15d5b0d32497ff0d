// The console: carries what cells write on their stream channels to the terminal, each line marked with the cell's name, and
// what is typed to the cell that has the input.
//
// The terminal is the stream channel `terminal`. Ctrl-] and then a digit moves the input to the cell of that number;
// Ctrl-] and any other key lists the cells. `config: { input: NAME, raw: NAME }` says which cell has the input at first
// (default: the first), and which one's output is passed on as it is, without marks, as a shell needs it. To all others the
// Enter key is a line feed. What is typed is not shown: a cell that wants that writes it back.

import { type Cell, type Channel, decodeUtf8, StreamChannel, server } from '../sdk/index.ts';

interface State {
  /** Name of the channel whose cell gets what is typed. */
  input: string;
  /** Ctrl-] was typed, and what follows it not yet. */
  escaped: boolean;
  /** The cell whose line is on the terminal and has not ended; empty: a new line begins. */
  writing: string;
}

const escapeKey = 0x1d;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

function terminal(cell: Cell<State>): StreamChannel {
  return cell.stream('terminal');
}

/** The cells' channels, in the order in which the terminal numbers them. */
function sources(cell: Cell<State>): StreamChannel[] {
  return cell.channels.filter(
    (channel): channel is StreamChannel => channel instanceof StreamChannel && channel.name !== 'terminal',
  );
}

function showOutput(cell: Cell<State>, channel: StreamChannel): void {
  const bytes = channel.read(terminal(cell).room >> 1);
  if (bytes.length === 0) return;
  if (cell.config['raw'] === channel.peer) {
    terminal(cell).write(bytes);
    return;
  }
  const { peer } = channel;
  const lines = visible(decodeUtf8(bytes)).split('\n');
  const { writing } = cell.draft();
  const start = writing === peer ? '' : `${writing === '' ? '' : '\r\n'}[${peer}] `;
  const open = lines.at(-1) !== '';
  if (!open) lines.pop();
  terminal(cell).print(`${start}${lines.join(`\r\n[${peer}] `)}${open ? '' : '\r\n'}`);
  cell.draft().writing = open ? peer : '';
}

/** Without control characters and escape sequences: a cell must not be able to write outside of its lines. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
  return text.replace(/\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, '');
}

function takeInput(cell: Cell<State>): void {
  for (const byte of terminal(cell).read(256)) {
    const { escaped } = cell.draft();
    if (escaped) {
      cell.draft().escaped = false;
      choose(cell, byte - 0x30);
    } else if (byte === escapeKey) cell.draft().escaped = true;
    else {
      const chosen = sources(cell).find(({ name }) => name === cell.draft().input);
      const ends = byte === carriageReturn && chosen?.peer !== cell.config['raw'];
      chosen?.write(Uint8Array.of(ends ? lineFeed : byte));
    }
  }
}

/** Moves the input to a cell, or tells which there are. */
function choose(cell: Cell<State>, number: number): void {
  const chosen = sources(cell)[number];
  if (chosen !== undefined) cell.draft().input = chosen.name;
  const list = sources(cell).map(
    ({ name, peer }, index) => `${name === cell.draft().input ? '*' : ''}${index} ${peer}`,
  );
  terminal(cell).print(`${cell.draft().writing === '' ? '' : '\r\n'}[console] ${list.join(', ')}\r\n`);
  cell.draft().writing = '';
}

export default server<State>({
  state: () => ({ input: '', escaped: false, writing: '' }),

  init(cell) {
    const first = sources(cell).find(({ peer }) => peer === cell.config['input']) ?? sources(cell)[0];
    cell.draft().input = first?.name ?? '';
  },

  notified(cell, channel: Channel) {
    if (channel.name === 'terminal') takeInput(cell);
    // Room in the terminal may be what a cell has been waiting for.
    for (const source of sources(cell)) showOutput(cell, source);
  },
});
