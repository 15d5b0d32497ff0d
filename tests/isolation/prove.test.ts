// The adversarial sender against windows: without them each thing that it does is felt, with them none is.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { modulations, withAdversary } from '../../tools/isolation/adversary.ts';
import { type Proof, proveIsolation } from '../../tools/isolation/prove.ts';
import type { ProofRequest } from '../../tools/isolation/request.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import type { Manifest } from '../../tools/manifest/model.ts';

const watcher = '{ kind: native, program: adversary/watcher, priority: 10 }';
const vm = '{ kind: vm, kernel: ../../guests/adversary/watcher.s, memory: 4M, priority: 10, vcpus: [{ hart: 0 }] }';
const windows = `
schedule:
  modes:
    normal:
      0:
        frame: 500us
        windows:
          - { at: 0, for: 200us, cells: [noisy] }
          - { at: 200us, for: 200us, cells: [quiet] }
`;

function manifestOf(body: string): Manifest {
  const text = `schema: 1\nsystem: { name: test, seed: 1 }\n${body}`;
  const file = resolve(import.meta.dirname, 'test.yaml');
  const loaded = checkManifest(text, file);
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  return loaded.manifest;
}

const twoCells = (noisy: string, machine = '{ harts: 1, ram: 64M }'): string =>
  `machine: ${machine}\ncells:\n  noisy: ${noisy}\n  quiet: ${watcher}\n${windows}`;

const defaults: ProofRequest = {
  from: 'noisy',
  to: 'quiet',
  secrets: 2,
  forNs: 6e6,
  adversary: undefined,
  secretRegion: undefined,
  withoutWindows: false,
};
const prove = (body: string, request: Partial<ProofRequest>): Proof =>
  proveIsolation(manifestOf(body), { ...defaults, ...request });

/** Asserts that something was tested, and that nothing got out. */
function expectNoLeak(proof: Proof): void {
  expect(proof.leak?.text).toBeUndefined();
  expect(proof.senderDiffers).toBe(true);
  expect(proof.moments).toBeGreaterThan(50);
  expect(proof.overruns).toBe(0);
}

describe.each([...modulations.native, 'all'])('a sender that modulates %s', (modulation) => {
  it('is felt without windows', () => {
    const { leak } = prove(twoCells(watcher), { adversary: [modulation], withoutWindows: true });
    expect(leak?.kind).toBe('time');
    expect(leak?.text).toMatch(/^time: quiet\.tcb went on \d+ cycles late after noisy's \w+$/);
  });
  it('is not felt in windows', () => {
    expectNoLeak(prove(twoCells(watcher), { adversary: [modulation] }));
  });
});

describe('a sender with a second thread on another hart', () => {
  const machine = '{ harts: 2, ram: 64M, lookahead: 20us }';

  it.each(['ipc', 'faults'])('that modulates %s is felt without windows', (modulation) => {
    const { leak } = prove(twoCells(watcher, machine), { adversary: [modulation], withoutWindows: true });
    expect(leak?.kind).toMatch(/time|scheduling/);
  });
  it.each(['ipc', 'faults', 'all'])('that modulates %s tells nothing in windows', (modulation) => {
    expectNoLeak(prove(twoCells(watcher, machine), { adversary: [modulation] }));
  });
});

describe.each([...modulations.vm])('a VM that modulates %s', (modulation) => {
  it('is felt without windows', () => {
    const { leak } = prove(twoCells(vm), { adversary: [modulation], withoutWindows: true });
    expect(leak?.kind).toBe('time');
  });
  it("is not felt in its neighbour's windows", () => {
    expectNoLeak(prove(twoCells(vm), { adversary: [modulation] }));
  });
});

it("an exit storm from one VM cannot delay another cell's window", () => {
  expectNoLeak(prove(twoCells(vm), { adversary: ['all'], forNs: 12e6 }));
});

describe('a server in TypeScript that has a secret', () => {
  const talkative = '{ kind: native, program: servers/talkative, priority: 10 }';

  it('is felt without windows', () => {
    const { leak } = prove(twoCells(talkative), { withoutWindows: true });
    expect(leak?.kind).toBe('time');
  });
  it('is silent in windows, however many system calls it makes at their end', () => {
    expectNoLeak(prove(twoCells(talkative), { secrets: 4, forNs: 20e6 }));
  });
});

describe('an observer that is a virtual machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolation-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const manifest = manifestOf(
    `machine: { harts: 1, ram: 64M }\ncells:\n  noisy: ${watcher}\n  quiet: ${vm}\n${windows}`,
  );
  const guest = withAdversary(manifest, 'quiet', 0x5a5an, 7, folder);

  it('feels its neighbour without windows', () => {
    const { leak } = proveIsolation(guest, { ...defaults, adversary: ['revoke'], withoutWindows: true });
    expect(leak?.kind).toBe('time');
  });
  it('feels nothing in windows: neither do its timers nor its monitor', () => {
    expectNoLeak(proveIsolation(guest, { ...defaults, adversary: ['all'], forNs: 12e6 }));
  });
});

describe('what cells share by the manifest', () => {
  const cells = (noisy: string, quiet: string, more = ''): string =>
    `machine: { harts: 1, ram: 64M }\ncells:\n  noisy: ${noisy}\n  quiet: ${quiet}\n${more}${windows}`;
  const channel = 'channels:\n  - { name: told, type: notify, from: noisy, to: quiet }\n';

  it('a message is named with its channel', () => {
    const teller = '{ kind: native, program: servers/teller, priority: 10 }';
    const listener = '{ kind: native, program: servers/listener, priority: 10 }';
    const { leak, sharing } = prove(cells(teller, listener, channel), {});
    expect(leak?.text).toMatch(/^message on channel told, after noisy's \w+$/);
    expect(sharing.map(({ through }) => through)).toContain('channel told');
  });

  it('a region that both map is named', () => {
    const regions = 'regions:\n  secret: { size: 4K }\n  shared: { size: 4K }\n';
    const copier = `{ kind: native, program: servers/copier, priority: 10, maps: [{ region: secret, at: 0x50000000, perms: r }, { region: shared, at: 0x50001000, perms: rw }] }`;
    const reader = `{ kind: native, program: adversary/watcher, priority: 10, maps: [{ region: shared, at: 0x50000000, perms: r }] }`;
    const { leak } = prove(regions + cells(copier, reader), { secretRegion: 'secret' });
    expect(leak).toMatchObject({ kind: 'memory', text: 'shared region shared' });
    expect(() => prove(regions + cells(copier, reader), { secretRegion: 'shared' })).toThrow(/alone has to map/);
  });

  it('a sender that does the same with every secret tests nothing', () => {
    const silent = '{ kind: native, program: servers/listener, priority: 10 }';
    expect(prove(cells(silent, watcher), {}).senderDiffers).toBe(false);
  });

  it('machine code without a place for a secret is refused, and so is what an adversary cannot do', () => {
    expect(() => prove(twoCells(watcher), {})).toThrow(/no place for a secret/);
    expect(() => prove(twoCells(watcher), { adversary: ['exits'] })).toThrow(/cannot modulate 'exits'/);
    expect(() => prove(twoCells(watcher), { to: 'nobody' })).toThrow(/no cell nobody/);
  });
});
