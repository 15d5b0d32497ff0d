// Stacks of the bundled programs, told in places of the sources.

import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPackage } from '../manifest/package-root.ts';

const bundledPlace = /(file:[^\s()]+\.js):(\d+):(\d+)/g;

/** The stack with a path within the package for each place that a source map knows. Never throws. */
export function sourceStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(bundledPlace, (place: string, script: string, line: string, column: string) => {
    if (!maps.has(script)) maps.set(script, mapOf(script));
    const origin = maps.get(script)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return place;
    const source = fileURLToPath(new URL(origin.fileName, script));
    return `${relative(ownPackage().folder, source)}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function mapOf(script: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${script}.map`), 'utf8')));
  } catch {
    // Not a script of the build, or its map was left out.
    return undefined;
  }
}
