// What is wrong with a manifest, as values: code, place, message, hint, related places.

import type { DiagnosticCode } from './diagnostic-codes.ts';

/** A position in the manifest, or in the text of a `--set`. Lines and columns count from 1. */
export interface Place {
  /** The manifest's path as given, or `--set path=value`. */
  file: string;
  line: number;
  column: number;
  /** Where in the document: `cells.linux.memory`, `channels[0].depth`. */
  path: string;
}

/** A diagnostic of a manifest, or with `Code` string of the sources that it names. */
export interface Diagnostic<Code extends string = DiagnosticCode> {
  code: Code;
  place: Place;
  message: string;
  /** What to write instead. */
  hint: string;
  related: { place: Place; message: string }[];
}

/** In the order of the file; what `--set` brought comes after. */
export function compareDiagnostics(a: Diagnostic<string>, b: Diagnostic<string>): number {
  const set = (each: Diagnostic<string>) => (each.place.file.startsWith('--set ') ? 1 : 0);
  return (
    set(a) - set(b) ||
    compareText(a.place.file, b.place.file) ||
    a.place.line - b.place.line ||
    a.place.column - b.place.column ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

/** In order, and each once: a parser says some things twice, and two programs may share a module. */
export function sortDiagnostics<Code extends string>(diagnostics: readonly Diagnostic<Code>[]): Diagnostic<Code>[] {
  return [...diagnostics]
    .sort(compareDiagnostics)
    .filter((each, index, all) => index === 0 || compareDiagnostics(all[index - 1]!, each) !== 0);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const formatPlace = (place: Place): string => `${place.file}:${place.line}:${place.column}`;

/** One diagnostic as text, `file:line:column: error[code]: message`, with its hint and related places below. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { code, place, message, hint, related } = diagnostic;
  return [
    `${formatPlace(place)}: error[${code}]: ${message}`,
    ...related.map((each) => `  ${formatPlace(each.place)}: ${each.message}`),
    `  hint: ${hint}`,
  ].join('\n');
}

/** `cells.linux.vcpus[0]`. */
export function formatPath(path: DocumentPath): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
  return text;
}

/** Steps from the root of the document: keys and indices. */
export type DocumentPath = readonly (string | number)[];
