// The servers that the build has compiled: docs/rationale.md, "Compiled servers".

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BuiltServer, BuiltServers } from '../../tools/host/built-servers.ts';
import { loadServer } from '../../tools/host/server-source.ts';

const root = resolve(import.meta.dirname, '../..');
const names = [
  'guests/vmm/server.ts',
  ...readdirSync(join(root, 'guests/servers')).map((name) => `guests/servers/${name}`),
];
const built = (name: string): BuiltServer =>
  JSON.parse(readFileSync(join(root, 'dist/servers', `${name}.json`), 'utf8')) as BuiltServer;

describe('a compiled server', () => {
  it.each(names)('%s is what its sources give, places and all', (name) => {
    const loaded = loadServer(join(root, name));
    if (!loaded.ok) throw new Error(`${name} does not load`);
    const servers = new BuiltServers({ trusted: true });
    const found = servers.find(join(root, name));
    expect(found?.script === loaded.program.script).toBe(true);
    expect(found).toEqual(loaded.program);
  });

  it('counts only for the sources that it was made of, the realm and immer among them', () => {
    const { sources } = built('guests/servers/uart.ts');
    expect(Object.keys(sources)).toEqual(
      expect.arrayContaining(['immer', 'guests/realm/main.ts', 'guests/sdk/index.ts', 'guests/servers/uart.ts']),
    );
    const changed = new BuiltServers({
      trusted: true,
      read: (path) => (path.endsWith('ring.ts') ? '' : readFileSync(path, 'utf8')),
    });
    expect(changed.find(join(root, 'guests/servers/uart.ts'))).toBeUndefined();
  });

  it('does not count for whoever runs from the sources: the compiler may have changed', () => {
    expect(new BuiltServers().find(join(root, 'guests/servers/uart.ts'))).toBeUndefined();
  });
});
