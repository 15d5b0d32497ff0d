import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runOnMachine } from '../../tools/bench/machine-run.ts';
import { benchElf } from '../../tools/bench/program-elf.ts';
import { benchPrograms } from '../../tools/bench/programs.ts';
import { ownPackage } from '../../tools/manifest/package-root.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const limit = 50e6;

function run(name: string, elf: Uint8Array): ReturnType<typeof runOnMachine> {
  const path = join(folder, `${name}.elf`);
  writeFileSync(path, elf);
  return runOnMachine(path, { limit });
}

describe.each(benchPrograms)('the benchmark $name', ({ name }) => {
  test('finds its checksum in every round and passes', () => {
    const [one, three] = [1, 3].map((rounds) => run(name, benchElf(name, rounds)));
    expect(one!.outcome).toEqual({ kind: 'pass' });
    expect(three!.outcome).toEqual({ kind: 'pass' });
    expect(three!.instructions).toBeGreaterThan(one!.instructions);
  });

  test('is the same file each time', () => {
    expect(benchElf(name, 2)).toEqual(benchElf(name, 2));
  });
});

test.each([undefined, false] as const)('a program ends without a limit, with the translator %s', (translator) => {
  const path = join(folder, 'unlimited.elf');
  writeFileSync(path, benchElf('integer', 1));
  expect(runOnMachine(path, { translator }).outcome).toEqual({ kind: 'pass' });
});

test('a program that finds a wrong result fails', () => {
  const elf = benchElf('branches', 1);
  // The first instruction of the checksum's comparison is the only `lui t0`.
  const view = new DataView(elf.buffer);
  const at = Array.from({ length: elf.length >> 2 }, (_, index) => 4 * index).find(
    (offset) => (view.getUint32(offset, true) & 0xfff) === 0x2b7,
  )!;
  view.setUint32(at, view.getUint32(at, true) ^ 0x1000, true);
  expect(run('broken', elf).outcome).toEqual({ kind: 'fail', code: 1 });
});

test('every source of guests/bench is listed', () => {
  const sources = readdirSync(join(ownPackage().folder, 'guests/bench')).filter((name) => name.endsWith('.s'));
  const listed = [...benchPrograms.map(({ name }) => `${name}.s`), 'finish.s'];
  expect(sources.sort()).toEqual(listed.sort());
});
