// Systems for `bench memory`: as many cells as one likes, half of them machine code that calls the other half, servers in
// TypeScript; or virtual machines besides.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { rewriterElf } from './memory-load.ts';

/**
 * A manifest of `count` cells on four harts, the files that it needs beside it. Each cell in machine code touches so many pages, and
 * calls the store that it has; one cell alone has none. With `machines`, every second pair are virtual machines instead.
 */
export function cellsManifest(
  count: number,
  { pages, machines }: { pages: number; machines: boolean },
  folder: string,
): string {
  const client = join(folder, `client-${pages}.s`);
  const source = readFileSync(join(ownPackage().folder, 'guests/bench/memory/client.s'), 'utf8');
  writeFileSync(client, `.equ pages, ${pages}\n${source}`);
  const rewriter = join(folder, 'rewriter.elf');
  writeFileSync(rewriter, rewriterElf());
  const cells: Record<string, object> = {};
  const channels: object[] = [];
  const machine = (hart: number): object => ({
    kind: 'vm',
    kernel: rewriter,
    memory: '6M',
    priority: 40,
    vcpus: [{ hart }],
  });
  for (let index = 0; index < count; index += 2) {
    const hart = (index / 2) % 4;
    const alone = index + 1 === count;
    if (machines && index % 4 === 2) {
      cells[`machine${index}`] = machine(hart);
      if (!alone) cells[`machine${index + 1}`] = machine(hart);
      continue;
    }
    cells[`client${index}`] = {
      kind: 'native',
      program: client,
      priority: 50,
      hart,
      budget: { cpu: '1ms', period: '20ms' },
    };
    if (alone) break;
    cells[`store${index}`] = { kind: 'native', program: 'servers/key-value', priority: 60, hart };
    channels.push({ name: `store${index}`, type: 'rpc', from: `client${index}`, to: `store${index}` });
  }
  return JSON.stringify({
    schema: 1,
    system: { name: 'cells', seed: 0 },
    machine: { harts: 4, ram: '512M' },
    cells,
    channels,
  });
}
