// What the default export of a server's module may be.

import { describe, expect, test } from 'vitest';
import { loadServer } from '../../tools/host/server-source.ts';
import { loadInline } from './inline-server.ts';

describe('The default export of a server', () => {
  test.each([
    ['is there', 'const x = 1;'],
    ['is no plain object', 'export default { step() {} };'],
    ['is no function', 'export default function step() {}'],
    ['is no class', 'export default class Server {}'],
    ['is no text', "export default 'server';"],
  ])('%s', (_name, source) => {
    expect(loadInline(source)).toMatchObject({ ok: false, diagnostics: [{ code: 'no-server', line: 1, column: 1 }] });
  });

  test.each([
    ['a call', 'export default server({});'],
    ['a name', 'const s = server({});\nexport default s;'],
    ['a renamed export', 'const s = server({});\nexport { s as default };'],
    ['one of two calls', 'export default (1 < 2 ? server({}) : server({}));'],
  ])('may be %s', (_name, source) => {
    expect(loadInline(source).ok).toBe(true);
  });

  test('is missed in an empty file, once', () => {
    const result = loadServer(`${import.meta.dirname}/servers/inline.ts`, '');
    expect(!result.ok && result.diagnostics.map(({ code }) => code)).toEqual(['no-server']);
  });
});
