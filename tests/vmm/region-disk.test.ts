import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { System } from '../../tools/boot/system.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import { buildPlan } from '../../tools/plan/build.ts';

// The SDK expects its realm; only its constants are used here.
vi.hoisted(() => Object.assign(globalThis, { $machine: undefined }));

/** A client that asks for one thing after the other, and logs what it is answered. */
const client = `
import { type BlockMessage, type Cell, decodeBlockReply, encodeBlockMessage, QueueChannel, server } from 'microvisor/sdk';

const script: readonly Omit<BlockMessage, 'id' | 'bytes'>[] = [
  { operation: 'info', offset: 0, length: 0 },
  { operation: 'read', offset: 512, length: 512 },
  { operation: 'write', offset: 512, length: 512 },
  { operation: 'read', offset: 512, length: 512 },
  { operation: 'write-zeroes', offset: 0, length: 1024 },
  { operation: 'read', offset: 512, length: 512 },
  { operation: 'read', offset: 7680, length: 1024 },
  { operation: 'read', offset: 100, length: 512 },
  { operation: 'read', offset: 0, length: 4096 },
  { operation: 'flush', offset: 0, length: 0 },
];

function ask(cell: Cell<{ next: number }>, queue: QueueChannel): void {
  const draft = cell.draft();
  const message = script[draft.next];
  if (message === undefined) return;
  const bytes = message.operation === 'write' ? new Uint8Array(message.length).fill(2) : undefined;
  queue.send(encodeBlockMessage({ ...message, id: draft.next, ...(bytes && { bytes }) }));
  draft.next++;
}

export default server<{ next: number }>({
  state: () => ({ next: 0 }),
  init(cell) {
    ask(cell, cell.queue('disk'));
  },
  notified(cell, channel) {
    if (!(channel instanceof QueueChannel)) return;
    for (let message = channel.receive(); message !== undefined; message = channel.receive()) {
      const { id, ok, size, bytes } = decodeBlockReply(message)!;
      let sum = 0;
      for (const byte of bytes) sum += byte;
      cell.log([script[id]!.operation, ok ? 'ok' : 'error', size, bytes.length, sum].join(' '));
      ask(cell, channel);
    }
  },
});
`;

const manifestOf = (readOnly: boolean): string => `schema: 1
system: { name: disk-test, seed: 3 }
machine: { harts: 1, ram: 64M }
regions:
  image: { size: 8K, prefill: image.bin }
cells:
  client: { kind: native, program: client.ts, priority: 60 }
  disk: { kind: native, program: servers/region-disk, priority: 70, maps: [{ region: image, at: 0x50000000, perms: rw }], config: { at: 0x50000000, size: 8192, readOnly: ${readOnly} } }
channels:
  - { name: disk, type: queue, ends: [client, disk], depth: 16, message: 1048 }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'region-disk-'));
  writeFileSync(join(folder, 'client.ts'), client);
  writeFileSync(join(folder, 'image.bin'), new Uint8Array(8192).fill(1));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(readOnly = false): string[] {
  const loaded = checkManifest(manifestOf(readOnly), join(folder, 'system.yaml'));
  if (!loaded.ok) throw new Error(loaded.diagnostics.map((each) => each.message).join('; '));
  let output = '';
  const plan = buildPlan(loaded.manifest);
  const system = new System(loaded.manifest, plan, loadPrograms(plan), {
    output() {},
    debug: (_cell, bytes) => {
      output += Buffer.from(bytes).toString();
    },
    log: (line) => {
      throw new Error(line);
    },
    realmFault: (fault) => {
      throw new Error(`${fault.cell}: ${fault.message}`);
    },
    realmRestarted() {},
    unhandledFault: (...what) => {
      throw new Error(what.join());
    },
    machineEnded() {},
    booted() {},
  });
  system.start();
  system.run(1e8);
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace('client: ', ''));
}

describe('a disk in a region', () => {
  it('tells its size, reads what is there, keeps what is written, and refuses what is not inside', () => {
    expect(run()).toEqual([
      'info ok 8192 0 0',
      'read ok 8192 512 512',
      'write ok 8192 0 0',
      'read ok 8192 512 1024',
      'write-zeroes ok 8192 0 0',
      'read ok 8192 512 0',
      'read error 8192 0 0',
      'read error 8192 0 0',
      'read error 0 0 0',
      'flush ok 8192 0 0',
    ]);
  });

  it('that is read-only refuses to change', () => {
    expect(run(true).filter((line) => line.includes('write'))).toEqual([
      'write error 8192 0 0',
      'write-zeroes error 8192 0 0',
    ]);
  });
});
