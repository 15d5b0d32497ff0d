// What the commands print through: standard output for results, standard error for the rest; colour and width follow
// the terminal, NO_COLOR and FORCE_COLOR.

/** Where a stream goes; process.stdout and process.stderr fit. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Whether to colour what goes to `sink` (no-color.org; FORCE_COLOR wins over pipes, NO_COLOR over both). */
export function wantsColor(sink: Sink, env: Record<string, string | undefined> = process.env): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0') return true;
  return sink.isTTY === true && env['TERM'] !== 'dumb';
}

export function styleFor(color: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    color ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

/** Columns to lay text out for: the terminal's, or 100 into a pipe; never less than 40. */
export const widthOf = (sink: Sink): number => Math.max(40, Math.min(sink.columns ?? 100, 160));

/** Breaks `text` at spaces so that no line is longer than `width`; it keeps its own indent, later lines have `indent`. */
export function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  const words = text.trimStart().split(' ');
  let line = text.slice(0, text.length - text.trimStart().length) + words[0];
  for (const word of words.slice(1)) {
    if (line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line += ` ${word}`;
    }
  }
  lines.push(line);
  return lines.join('\n');
}

/** Columns padded to their widest cell; the last one wraps when the line would not fit. */
export function table(rows: readonly (readonly string[])[], width: number, indent = '  '): string {
  if (rows.length === 0) return '';
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const before = indent.length + widths.slice(0, -1).reduce((sum, w) => sum + w + 2, 0);
  const room = Math.max(24, width - before);
  const narrow = before > width - 24;
  return rows
    .map((row) => {
      if (narrow)
        return row.map((cell, i) => wrap(indent + (i === 0 ? '' : '  ') + cell, width, `${indent}    `)).join('\n');
      const head = row
        .slice(0, columns - 1)
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ');
      const last = row[columns - 1] ?? '';
      return `${indent}${head}${columns > 1 ? '  ' : ''}${wrap(last, room).replaceAll('\n', `\n${' '.repeat(before)}`)}`.trimEnd();
    })
    .join('\n');
}
