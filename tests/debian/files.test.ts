// Whether Debian's files are there, and what is said when they are not.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileNames, findDebianFiles, recordFormat, recordName } from '../../tools/debian/files.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'microvisor-debian-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

const write = (name: string, content = ''): void => writeFileSync(join(cache, name), content);
const record = (format = recordFormat): void =>
  write(recordName, JSON.stringify({ format, suite: 'trixie', packages: [], files: {} }));
const reason = (): string => {
  const found = findDebianFiles(cache);
  return found.found ? 'found' : found.reason;
};

describe("Debian's files", () => {
  it('are missing from an empty cache, and the reason says how to get them', () => {
    expect(reason()).toMatch(/not there: run `npm run fetch:debian`/);
  });

  it('are missing when the record cannot be read', () => {
    write(recordName, '{');
    expect(reason()).toContain('not there');
  });

  it('are missing when another version of this project made them', () => {
    record(recordFormat - 1);
    expect(reason()).toContain('older version');
  });

  it('are missing when one of them is', () => {
    record();
    for (const name of Object.values(fileNames).slice(1)) write(name);
    expect(reason()).toContain('incomplete');
  });

  it('are found with their paths when all are there', () => {
    record();
    for (const name of Object.values(fileNames)) write(name);
    const found = findDebianFiles(cache);
    expect(found).toMatchObject({ found: true, files: { kernel: join(cache, 'Image'), record: { suite: 'trixie' } } });
  });
});
