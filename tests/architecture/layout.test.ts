// The layout that a reader relies on: names, first lines, lengths, a page per folder.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folders = ['hw', 'vdev', 'microvisor', 'guests', 'tools', 'tests', 'examples', 'docs'];
const drawers = /^(utils?|helpers?|common|misc|shared|lib)$/;
const paths = folders
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (path) => `${folder}/${path.replaceAll('\\', '/')}`,
    ),
  )
  .filter((path) => !path.startsWith('docs/api'));
const sources = paths.filter((path) => path.endsWith('.ts'));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the layout', () => {
  it('has no drawers', () => {
    expect(paths.filter((path) => path.split('/').some((part) => drawers.test(part.replace(/\..*$/, ''))))).toEqual([]);
  });

  it('names every source file in kebab-case', () => {
    expect(sources.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/.test(basename(path)))).toEqual([]);
  });

  it('says in the first line of every source file what it is, unless it is a test of the file of its name', () => {
    const described = sources.filter((path) => !path.endsWith('.test.ts'));
    const silent = described.filter((path) => !/^(#!.*\n)?(\/\/ |\/\*\*? )\S/.test(textOf(path)));
    expect(silent).toEqual([]);
  });

  it('splits source files past 600 lines', () => {
    const long = sources.filter((path) => textOf(path).split('\n').length > 601);
    expect(long).toEqual([]);
  });

  it('keeps the kernel, without its invariants and its specification, within 6,000 lines', () => {
    const kernel = sources.filter((path) => /^microvisor\/(?!invariants\/|specification\/)/.test(path));
    const lines = kernel.map((path) => textOf(path).split('\n').length - 1).reduce((a, b) => a + b, 0);
    expect(kernel).not.toEqual([]);
    expect(lines).toBeLessThanOrEqual(6000);
  });

  it.each(folders)('explains %s/ in a README of at most 40 lines', (folder) => {
    expect(textOf(`${folder}/README.md`).split('\n').length).toBeLessThanOrEqual(41);
  });
});
