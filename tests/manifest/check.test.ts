import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compareDiagnostics, type Diagnostic, formatDiagnostic } from '../../tools/manifest/diagnostic.ts';
import { diagnosticCodes } from '../../tools/manifest/diagnostic-codes.ts';
import { checkManifest, loadManifest } from '../../tools/manifest/load.ts';
import { MemoryFiles } from './memory-files.ts';

const folder = (name: string): URL => new URL(`./${name}/`, import.meta.url);
const fixtures = (name: string): string[] =>
  readdirSync(folder(name))
    .filter((file) => file.endsWith('.yaml'))
    .sort();

/** Checks a fixture; its lines `# --set path=value` are the command line's. */
function diagnose(text: string, file: string): Diagnostic[] {
  const overrides = [...text.matchAll(/^# --set (.*)$/gm)].map((match) => match[1]!);
  const result = checkManifest(text, file, { files: new MemoryFiles(), overrides });
  return result.ok ? [] : result.diagnostics;
}

describe('a good manifest', () => {
  test.each(fixtures('good'))('%s passes without a word', (file) => {
    expect(diagnose(readFileSync(new URL(file, folder('good')), 'utf8'), file).map(formatDiagnostic)).toEqual([]);
  });
});

describe('a bad manifest', () => {
  // `npx vitest run tests/manifest -u` writes the expected texts anew.
  test.each(fixtures('bad'))('%s breaks exactly the rule that it is named after', async (file) => {
    const diagnostics = diagnose(readFileSync(new URL(file, folder('bad')), 'utf8'), file);
    expect([...new Set(diagnostics.map((each) => each.code))]).toEqual([file.replace('.yaml', '')]);
    const golden = new URL(file.replace('.yaml', '.txt'), folder('bad')).pathname;
    await expect(`${diagnostics.map(formatDiagnostic).join('\n')}\n`).toMatchFileSnapshot(golden);
  });

  test('has a fixture for every rule that there is', () => {
    const codes = fixtures('bad').map((file) => file.replace('.yaml', ''));
    expect([...codes, 'manifest-unreadable'].sort()).toEqual(Object.keys(diagnosticCodes).sort());
  });

  test('that does not exist, is a folder or is no text is refused by name', () => {
    const missing = loadManifest('/nowhere/at/all.yaml');
    expect(missing).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'manifest-unreadable', message: 'there is no such file' }],
    });
    const directory = loadManifest(new URL('.', import.meta.url).pathname);
    expect(directory).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'manifest-unreadable', message: 'it is a directory' }],
    });
  });

  test('that needs more RAM than any machine has is not told to write that', () => {
    const text = readFileSync(new URL('ram-exceeded.yaml', folder('bad')), 'utf8')
      .replace('ram: 64M', 'ram: 3G')
      .replace('memory: 64M', 'memory: 3G');
    expect(diagnose(text, 'large.yaml')).toMatchObject([
      { code: 'ram-exceeded', hint: 'the system needs more than the 3G that a machine can have: give the cells less' },
    ]);
  });

  test('names a missing program once when its ending is known', () => {
    const text = readFileSync(new URL('image-missing.yaml', folder('bad')), 'utf8').replace('nothing', 'nothing.ts');
    expect(diagnose(text, 'missing.yaml')).toMatchObject([{ hint: 'looked for /fixtures/servers/nothing.ts' }]);
  });

  test('gives all of its mistakes at once, in the order of the file', () => {
    const text = [
      'schema: 1',
      'system: { nam: x }',
      'machine: { harts: 12 }',
      'cells:',
      '  a: { kind: native, program: x/y, priority: 1 }',
      'channels: [ { name: c, type: notify, ends: [a, z] } ]',
    ].join('\n');
    const diagnostics = diagnose(text, 'many.yaml');
    expect(diagnostics.map((each) => each.code)).toEqual([
      'missing-key',
      'unknown-key',
      'out-of-range',
      'image-missing',
      'unknown-cell',
    ]);
    expect([...diagnostics].sort(compareDiagnostics)).toEqual(diagnostics);
  });
});
