// However much code there is, and however often it changes, the translator holds no more than it was allowed.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TranslatorOptions } from '../../../hw/engine/translator/options.ts';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench, enterSupervisor } from '../machine/bench.ts';

const churn = `
  .equ turns, 60
  ${enterSupervisor}
supervisor:
  call prepare
1: call rewrite
  j 1b
machine:
  j machine
${readFileSync('guests/bench/memory/rewrite.s', 'utf8')}`;

const restless: TranslatorOptions = { threshold: 5, patience: 10_000, observation: 1000, entriesUntilLarge: 20 };
const cycles = 300_000;

const make = (config: Partial<MachineConfig>): Bench => new Bench(churn, { ramSize: 8 << 20, ...config });

function hashOf({ machine }: Bench): string {
  machine.hashMemory();
  return machine.hash.value;
}

describe('a program that changes its code all the time', () => {
  const interpreted = hashOf(make({ translator: false }).run(cycles));

  it('leaves the number of regions, modules and their bytes within bounds, and none of them matters', () => {
    for (const { regions, maxModules, maxModuleBytes } of [
      { regions: 2, maxModules: 1000, maxModuleBytes: 2 ** 30 },
      { regions: 40, maxModules: 1000, maxModuleBytes: 2 ** 30 },
      { regions: 8192, maxModules: 3, maxModuleBytes: 2 ** 30 },
      { regions: 8192, maxModules: 1000, maxModuleBytes: 10_000 },
    ]) {
      const bench = make({ limits: { regions }, translator: { ...restless, maxModules, maxModuleBytes } });
      const { engine } = bench.machine;
      const most = { regions: 0, modules: 0, moduleBytes: 0 };
      for (let limit = 0; limit <= cycles; limit += 10_000) {
        bench.run(limit);
        const { alive } = engine.translator!;
        for (const key of ['regions', 'modules', 'moduleBytes'] as const) most[key] = Math.max(most[key], alive[key]);
      }
      expect(most.regions).toBeLessThanOrEqual(regions);
      expect(most.modules).toBeLessThanOrEqual(maxModules);
      expect(most.moduleBytes).toBeLessThanOrEqual(maxModuleBytes);
      const { evicted, modules } = engine.translator!.statistics;
      expect([evicted, modules].every((count) => count > 10)).toBe(true);
      expect(hashOf(bench)).toBe(interpreted);
    }
  });

  it('is translated again wherever new code becomes hot', () => {
    const bench = make({ translator: restless });
    bench.run(cycles / 2);
    const before = bench.machine.engine.translator!.statistics.regions;
    bench.run(cycles);
    expect(bench.machine.engine.translator!.statistics.regions).toBeGreaterThan(1.8 * before);
  });
});

it('nothing of code is left when a machine is loaded into another', () => {
  const bench = make({ translator: restless });
  bench.run(cycles / 4);
  const { machine } = bench;
  expect(machine.engine.translator!.alive.regions).toBeGreaterThan(5);
  machine.load(machine.save());
  expect(machine.engine.translator!.alive).toEqual({ regions: 0, modules: 0, moduleBytes: 0 });
  expect(machine.engine.code.count).toBe(0);
});
