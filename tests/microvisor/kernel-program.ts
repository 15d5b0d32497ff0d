// The kernel's benchmarks, running without end.

import { Machine } from '../../hw/machine/machine.ts';
import { boot, defaultConfig, defaultCosts, Kernel, Microvisor } from '../../microvisor/index.ts';
import { buildKernelProgram, type KernelProgram } from '../../tools/bench/kernel-program.ts';
import { Platform } from '../../tools/boot/kernel-port.ts';
import { readElf } from '../../tools/image/elf.ts';
import { placeRootTask } from '../../tools/root-task/place.ts';

/** A root task with `rounds` without end, on a machine whose quanta are so long that none begins meanwhile. */
export function startKernelProgram(program: KernelProgram): { machine: Machine; kernel: Kernel } {
  const machine = new Machine({ harts: 1, ramSize: 16 << 20, supervisorMode: 'HS', lookaheadNs: 1e12 });
  const platform = new Platform(machine, { putChar: () => {}, log: () => {}, halt: () => {} });
  const { memory, harts } = machine;
  const kernel = new Kernel({ memory, harts, port: platform.port }, defaultConfig, defaultCosts);
  const microvisor = new Microvisor(kernel);
  machine.install(microvisor);
  const elf = readElf(buildKernelProgram(program, 2 ** 31 - 1, false).elf);
  if (!elf.ok) throw new Error(elf.error.message);
  const placed = placeRootTask(machine, elf.value);
  if (!placed.ok) throw new Error(placed.error.message);
  boot(kernel, { initialThread: placed.value });
  microvisor.start();
  return { machine, kernel };
}
