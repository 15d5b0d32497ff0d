// Takes the multiplexed console apart again: which cell said what.
//
// The console server (guests/servers/console.ts) begins each line with the name of the cell that writes it, in brackets; a
// cell cannot forge that, since each of its own lines gets that mark as well.

/** Longest name of a cell in front of a line. */
const maxPrefix = 64;

export class ConsoleLines {
  /** The beginning of a line whose cell is not known yet. */
  private beginning = '';
  private cell: string | undefined;
  /** The line has no mark of a cell: it is nobody's. */
  private unmarked = false;

  constructor(
    private readonly cells: readonly string[],
    /** Called with runs of text of one cell, line feeds included. */
    private readonly onText: (cell: string, text: string) => void,
  ) {}

  /** The next characters of the console, whatever the pieces. */
  write(text: string): void {
    for (let at = 0; at < text.length; ) {
      const feed = text.indexOf('\n', at);
      const end = feed < 0 ? text.length : feed + 1;
      this.piece(text.slice(at, end));
      at = end;
    }
  }

  /** A part of one line; its end, if it ends with a line feed. */
  private piece(piece: string): void {
    if (this.cell === undefined && !this.unmarked) this.begin(piece);
    else if (this.cell !== undefined) this.onText(this.cell, piece);
    if (!piece.endsWith('\n')) return;
    this.beginning = '';
    this.cell = undefined;
    this.unmarked = false;
  }

  private begin(piece: string): void {
    this.beginning += piece;
    const mark = /^\[([^\]]*)\] /.exec(this.beginning);
    if (mark && this.cells.includes(mark[1]!)) {
      this.cell = mark[1]!;
      const rest = this.beginning.slice(mark[0].length);
      if (rest !== '') this.onText(this.cell, rest);
    } else this.unmarked = mark !== null || !this.beginning.startsWith('[') || this.beginning.length > maxPrefix;
  }
}
