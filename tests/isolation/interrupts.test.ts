// Interrupts of one cell while another has its window: kept until their owner's, and felt by nobody.

import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { System, silentEvents } from '../../tools/boot/system.ts';
import { firstDifference, type Leak } from '../../tools/isolation/difference.ts';
import { type Observation, Observer } from '../../tools/isolation/observation.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import type { Plan } from '../../tools/plan/plan.ts';

const frameUs = 500;
/** The driver's window is the first of each frame; `hart` is the driver's. */
const manifestText = (hart: number): string => `
schema: 1
system: { name: test, seed: 1 }
machine: { harts: 2, ram: 64M, lookahead: 20us }
devices: { serial: { model: uart } }
cells:
  noisy: { kind: native, program: servers/receiver, priority: 20, hart: ${hart}, owns: [serial] }
  quiet: { kind: native, program: adversary/watcher, priority: 10 }
  other: { kind: native, program: adversary/watcher, priority: 10, hart: 1 }
schedule:
  modes:
    normal:
      0: { frame: ${frameUs}us, windows: [${hart === 0 ? '{ at: 0, for: 200us, cells: [noisy] }, ' : ''}{ at: 200us, for: 200us, cells: [quiet] }] }
      1: { frame: ${frameUs}us, windows: [${hart === 1 ? '{ at: 0, for: 200us, cells: [noisy] }, ' : ''}{ at: 200us, for: 200us, cells: [other] }] }
`;

interface Run {
  observation: Observation;
  plan: Plan;
  said: string;
}

/** Bytes come in at these microseconds. */
function run(hart: number, arrivalsUs: readonly number[], windows: boolean, to: string): Run {
  const loaded = checkManifest(manifestText(hart), resolve(import.meta.dirname, 'test.yaml'));
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
  const manifest = windows ? loaded.manifest : { ...loaded.manifest, schedule: undefined };
  const plan = buildPlan(manifest);
  let said = '';
  const system = new System(manifest, plan, loadPrograms(plan), {
    ...silentEvents,
    debug: (cell, bytes) => {
      if (cell === 'noisy') said += new TextDecoder().decode(bytes);
    },
  });
  const observer = new Observer(system, 'noisy', to);
  system.start();
  for (const us of arrivalsUs) {
    system.run(us * 1000);
    system.machine.input('serial', 0, Uint8Array.of(us % 256));
  }
  system.run(10 * frameUs * 1000);
  return { observation: observer.finish(), plan, said };
}

function difference(hart: number, windows: boolean, to = 'quiet'): Leak | undefined {
  const still = run(hart, [], windows, to);
  const busy = run(hart, [2710, 2750, 3790, 3795], windows, to);
  expect(still.said).not.toContain('a byte');
  expect(busy.said.match(/a byte/g)).toHaveLength(4);
  expect(still.observation.moments.length).toBeGreaterThan(50);
  return firstDifference(still.plan, { from: 'noisy', to }, still.observation, busy.observation);
}

describe('a device that interrupts in the window of a cell that does not own it', () => {
  it('is felt without windows', () => {
    expect(difference(0, false)).toBeDefined();
  });
  it('is not felt with them, and its driver gets every byte in its own window', () => {
    expect(difference(0, true)).toBeUndefined();
  });
  it('does not disturb the windows of hart 0 when its driver is on another hart', () => {
    expect(difference(1, true)).toBeUndefined();
    expect(difference(1, true, 'other')).toBeUndefined();
  });
});
