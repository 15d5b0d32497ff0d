// The system of `bench memory`'s long run: everything that could make a machine grow, a little of it all the time.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ramBase } from '../../hw/engine/memory.ts';
import { assemble } from '../../hw/isa/assemble.ts';
import type { DebianFiles } from '../debian/files.ts';
import { writeElf } from '../image/elf-writer.ts';
import { ownPackage } from '../manifest/package-root.ts';

/** Typed at Linux's shell: processes that come and go, and lines on its console. */
export const processes = 'linux:/# $/while :; do for i in 1 2 3 4 5; do ls -l / | wc; done; date; sleep 5; done\\n';

const guest = (name: string): string => join(ownPackage().folder, 'guests/bench/memory', name);

/**
 * A manifest, the files that it needs beside it in `folder`. On a clock of 100 MHz, so that virtual time passes ten times as fast
 * as on the usual one while the cells do as much.
 */
export function soakManifest(folder: string, debian: DebianFiles | undefined): string {
  const client = join(folder, 'client.s');
  writeFileSync(client, `.equ pages, 16\n${readFileSync(guest('client.s'), 'utf8')}`);
  const rewriter = join(folder, 'rewriter.elf');
  writeFileSync(rewriter, rewriterElf());
  const native = (program: string, priority: number, hart: number, more: object = {}): object => ({
    kind: 'native',
    program,
    priority,
    hart,
    ...more,
  });
  const budget = { cpu: '1ms', period: '25ms' };
  const vm = (kernel: string, memory: string, hart: number): object => ({
    kind: 'vm',
    kernel,
    memory,
    priority: 40,
    vcpus: [{ hart }],
  });
  return JSON.stringify({
    schema: 1,
    system: { name: 'soak', seed: 0 },
    machine: { harts: 2, ram: '512M', clock: '100MHz' },
    devices: { serial: { model: 'uart' } },
    images: {
      ...(debian && { kernel: { path: debian.kernel }, initrd: { path: debian.initrd } }),
      rewriter: { path: rewriter },
    },
    cells: {
      rewriter: vm('rewriter', '8M', 1),
      ...(debian && {
        linux: {
          ...vm('kernel', '128M', 0),
          initrd: 'initrd',
          bootargs: 'console=hvc0 earlycon=sbi',
          devices: [{ virtio: 'console', channel: 'tty' }, { virtio: 'rng' }],
        },
      }),
      client: native(client, 50, 0, { budget }),
      store: native('servers/key-value', 60, 0),
      nuisance: native(client, 50, 1, { budget }),
      brittle: native(guest('brittle.ts'), 60, 1, { restart: { when: ['fault'], policy: 'immediate' } }),
      supervisor: native('servers/supervisor', 200, 1, { supervises: ['brittle'] }),
      console: native('servers/console', 100, 0),
      uart: native('servers/uart', 120, 0, { owns: ['serial'], config: { device: 'serial' } }),
    },
    channels: [
      ...(debian ? [{ name: 'tty', type: 'stream', ends: ['linux', 'console'], buffer: '64K' }] : []),
      { name: 'terminal', type: 'stream', ends: ['console', 'uart'], buffer: '64K' },
      { name: 'log', type: 'stream', from: ['store', 'brittle', 'supervisor'], to: 'console' },
      { name: 'store', type: 'rpc', from: 'client', to: 'store' },
      { name: 'brittle', type: 'rpc', from: 'nuisance', to: 'brittle' },
    ],
  });
}

/** Loops that are written to random places and run until they are hot. */
export function rewriterElf(): Uint8Array {
  const text = ['rewriter.s', 'rewrite.s'].map((name) => readFileSync(guest(name), 'utf8')).join('\n');
  const { bytes, origin, symbols } = assemble(text, { origin: ramBase, file: 'rewriter.s' });
  return writeElf({ segments: [{ address: origin, bytes }], entry: origin, symbols });
}
