// What the build joins and what it keeps apart: docs/rationale.md, "The hot code stands in one scope".

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const dist = join(root, 'dist');
const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js.map'));
const machine = join('chunks', 'machine.js');
const textOf = (script: string): string => readFileSync(join(dist, script), 'utf8');

/** The sources that a script was made of, by its map, relative to the project's root. */
function sourcesOf(map: string): string[] {
  const { sources } = JSON.parse(textOf(map)) as { sources: string[] };
  return sources.map((source) => relative(root, resolve(dist, dirname(map), source)).replaceAll('\\', '/'));
}

/** Packages that are loaded before the script's first line runs. */
function packagesOf(script: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  seen.add(script);
  for (const [, from] of textOf(script).matchAll(/^import (?:.* from )?"([^"]+)";$/gm)) {
    const next = from!.startsWith('.') ? join(dirname(script), from!) : undefined;
    if (next === undefined) packages.add(from!);
    else if (!seen.has(next)) for (const each of packagesOf(next, seen)) packages.add(each);
  }
  return new Set([...packages].filter((name) => !name.startsWith('node:')));
}

describe('the build', () => {
  it('joins the machine, the devices and the kernel, and what leads to them in a run', () => {
    const core = maps
      .filter((map) => map !== `${machine}.map`)
      .flatMap(sourcesOf)
      .filter((source) => /^(hw|vdev|microvisor)\//.test(source));
    const cold = /^(hw\/isa\/(disassemble|reference)|microvisor\/(abi|invariants|specification)\/.*)\.ts$/;
    expect(core.filter((source) => !cold.test(source))).toEqual([]);
    expect(sourcesOf(`${machine}.map`)).toEqual(
      expect.arrayContaining(['tools/boot/kernel-port.ts', 'tools/boot/activity.ts', 'tools/host/realm.ts']),
    );
  });

  it('leaves their constants constant', () => {
    expect(textOf(machine).match(/^var (\S+)( = (?!class )|;).*/gm)).toBeNull();
    expect(textOf(machine)).toMatch(/^const callRegister = /m);
  });

  it('exports copies, and no variable that could change', () => {
    const [, list] = /^export \{ (.*) \};$/m.exec(textOf(machine))!;
    const own = list!.split(', ').map((each) => /^(.*)\$export as \S+$/.exec(each)?.[1]);
    expect(own).toContain('callRegister');
    expect(own).not.toContain(undefined);
    const variables = [...textOf(machine).matchAll(/^let (\w+)/gm)].map(([, name]) => name);
    expect(variables.filter((name) => own.includes(name))).toEqual([]);
    expect(textOf(machine)).not.toMatch(/^export (?!\{)/m);
  });

  it('loads the machine before all that use it', () => {
    expect([...textOf(machine).matchAll(/^import .*"(?!node:)(.*)";$/gm)].map(([line]) => line)).toEqual([]);
  });

  it('starts the command with no package but those that every command needs', () => {
    expect([...packagesOf(join('tools', 'cli', 'main.js'))].sort()).toEqual(['yaml', 'yargs']);
  });
});
