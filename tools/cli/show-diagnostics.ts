// Diagnostics of a manifest on the terminal: place, rule, message, the line with a mark under the column, hint.

import { readFileSync } from 'node:fs';
import { type Diagnostic, formatPlace, type Place } from '../manifest/diagnostic.ts';
import { type Style, wrap } from './output.ts';

/** The text of all diagnostics, with a closing line that counts them. */
export function showDiagnostics(diagnostics: readonly Diagnostic[], style: Style, width: number): string {
  const lines = new LineReader();
  const blocks = diagnostics.map((diagnostic) => {
    const { code, place, message, hint, related } = diagnostic;
    return [
      `${style.bold(formatPlace(place))}: ${style.red(`error[${code}]`)}: ${message}`,
      ...excerpt(lines.of(place), place.column, style, width),
      ...related.map((each) => wrap(`  ${formatPlace(each.place)}: ${each.message}`, width, '    ')),
      wrap(`  ${style.cyan('hint:')} ${hint}`, width, '    '),
    ].join('\n');
  });
  const count = diagnostics.length === 1 ? '1 error' : `${diagnostics.length} errors`;
  return `${blocks.join('\n')}\n${count}: nothing was booted or written\n`;
}

/** The line around the column, at most as wide as the terminal, and a mark below. */
function excerpt(line: string | undefined, column: number, style: Style, width: number): string[] {
  if (line === undefined) return [];
  const room = width - 4;
  const start = column <= room - 10 ? 0 : column - Math.floor(room / 2);
  const shown = line
    .slice(start, start + room)
    .replace(/[\t\p{Cc}]/gu, ' ')
    .trimEnd();
  return [`  | ${shown}`, `  | ${' '.repeat(column - 1 - start)}${style.red('^')}`];
}

class LineReader {
  readonly #files = new Map<string, string[]>();

  of(place: Place): string | undefined {
    if (place.file.startsWith('--set ')) return place.file.slice('--set '.length);
    if (place.path === '' && place.line === 1 && place.column === 1) return undefined;
    let lines = this.#files.get(place.file);
    if (lines === undefined) {
      try {
        lines = readFileSync(place.file, 'utf8').split(/\r\n|\r|\n/);
      } catch {
        lines = [];
      }
      this.#files.set(place.file, lines);
    }
    return lines[place.line - 1];
  }
}
