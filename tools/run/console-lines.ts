// Takes the multiplexed console apart again: which cell said what.
//
// The console server (guests/servers/console.ts) begins each line with the name of the cell that writes it, in brackets; a
// cell cannot forge that, since each of its own lines gets that mark as well.

/** Longest name of a cell in front of a line. */
const maxPrefix = 64;

export class ConsoleLines {
  private line = '';
  private cell: string | undefined;

  constructor(
    private readonly cells: readonly string[],
    /** Called with text of one cell, line feeds included. */
    private readonly onText: (cell: string, text: string) => void,
  ) {}

  /** The next characters of the console, whatever the pieces. */
  write(text: string): void {
    for (const character of text) this.character(character);
  }

  private character(character: string): void {
    if (character === '\n') {
      if (this.cell !== undefined) this.onText(this.cell, '\n');
      this.line = '';
      this.cell = undefined;
      return;
    }
    if (this.cell !== undefined) {
      this.onText(this.cell, character);
      return;
    }
    this.line += character;
    const prefix = /^\[(.*)\] $/.exec(this.line);
    if (prefix && this.cells.includes(prefix[1]!)) this.cell = prefix[1]!;
    else if (this.line.length > maxPrefix) this.line = this.line.slice(0, maxPrefix);
  }
}
