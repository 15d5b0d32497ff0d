// Diagnostics of a manifest on the terminal: place, rule, message, the line with a mark under the column, hint.

import { readFileSync } from 'node:fs';
import { type Diagnostic, formatPlace, type Place } from '../manifest/diagnostic.ts';
import { type Style, wrap } from './output.ts';

/** More are counted and not shown: the first ones are what there is to mend. */
const maxShown = 50;

/** The text of all diagnostics, with a closing line that counts them. */
export function showDiagnostics(diagnostics: readonly Diagnostic<string>[], style: Style, width: number): string {
  const lines = new LineReader();
  const blocks = diagnostics.slice(0, maxShown).map((diagnostic) => {
    const { code, place, message, hint, related } = diagnostic;
    return [
      `${style.bold(formatPlace(place))}: ${style.red(`error[${code}]`)}: ${printable(message)}`,
      ...excerpt(lines.of(place), place.column, style, width),
      ...related.map((each) => wrap(`  ${formatPlace(each.place)}: ${each.message}`, width, '    ')),
      wrap(`  ${style.cyan('hint:')} ${hint}`, width, '    '),
    ].join('\n');
  });
  if (diagnostics.length > maxShown) blocks.push(`and ${diagnostics.length - maxShown} more`);
  const count = diagnostics.length === 1 ? '1 error' : `${diagnostics.length} errors`;
  return `${blocks.join('\n')}\n${count}: nothing was booted or written\n`;
}

/** A message may quote what is no text. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\ufffd');

/** The line around the column, at most as wide as the terminal, and a mark below. */
function excerpt(line: string | undefined, column: number, style: Style, width: number): string[] {
  if (line === undefined || line === '') return [];
  const room = width - 4;
  const start = column <= room - 10 ? 0 : column - Math.floor(room / 2);
  const shown = line
    .slice(start, start + room)
    .replace(/[\t\p{Cc}]/gu, ' ')
    .trimEnd();
  return [`  | ${shown}`, `  | ${' '.repeat(Math.min(column - 1 - start, room))}${style.red('^')}`];
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
