// Abandoned WebAssembly modules are collected when there are many, and nobody gets at what collects them.

import { createContext, runInContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { Machine } from '../../hw/machine/machine.ts';
import { ModuleGarbage } from '../../tools/host/module-garbage.ts';

function machineWith(): { machine: Machine; statistics: { modules: number }; alive: { modules: number } } {
  const statistics = { modules: 0 };
  const alive = { modules: 0 };
  return { machine: { engine: { translator: { statistics, alive } } } as unknown as Machine, statistics, alive };
}

it('collects once for every 512 modules that are abandoned, however many are alive', () => {
  const { machine, statistics, alive } = machineWith();
  let collections = 0;
  const garbage = new ModuleGarbage(machine, () => () => {
    collections++;
  });
  for (let made = 1; made <= 256 + 10 * 512; made++) {
    statistics.modules = made;
    alive.modules = Math.min(made, 256);
    garbage.look();
    garbage.look();
  }
  expect(collections).toBe(10);
});

it('leaves no way to collect garbage in contexts', () => {
  const { machine, statistics } = machineWith();
  const before = createContext({});
  const garbage = new ModuleGarbage(machine);
  statistics.modules = 1000;
  garbage.look();
  for (const context of [before, createContext({})]) expect(runInContext('typeof gc', context)).toBe('undefined');
  expect(Reflect.has(globalThis, 'gc')).toBe(false);
});
