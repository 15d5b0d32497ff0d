// A kernel on a machine that runs code: threads execute what tests assemble. Time is the machine's.

import { assemble } from '../../hw/isa/assemble.ts';
import { Machine } from '../../hw/machine/machine.ts';
import type { FrameCap } from '../../microvisor/objects.ts';
import { Platform } from '../../tools/boot/kernel-port.ts';
import { allRights, imageStart, initialCap, label, objectType, type Thread, World } from './world.ts';

/** Where code lies, unless it is told to lie elsewhere. */
export const codeAddress = 0x10_0000;

export class Computer {
  readonly machine: Machine;
  readonly world: World;
  output = '';
  readonly log: string[] = [];

  constructor(harts = 1) {
    this.machine = new Machine({ harts, ramSize: 16 * 2 ** 20, supervisorMode: 'HS' });
    const platform = new Platform(this.machine, {
      putChar: (byte) => {
        this.output += String.fromCharCode(byte);
      },
      log: (line) => this.log.push(line),
      halt: (reason) => this.log.push(reason),
    });
    const { memory, harts: all } = this.machine;
    const { caches } = this.machine.engine;
    this.world = new World({ machine: { memory, harts: all, port: platform.port }, caches });
    this.machine.install(this.world.microvisor);
    // The root thread, if it is left to itself, jumps to where it is.
    const image = new Uint32Array(1024).fill(0x6f);
    this.machine.writeMemory(imageStart, new Uint8Array(image.buffer));
  }

  /** Assembles code, and maps it at `codeAddress` of an address space. Returns the frame's slot. */
  load(source: string, space: number = initialCap.vspace, address = codeAddress): number {
    const { world } = this;
    const frame = world.make(objectType.page);
    const { bytes } = assemble(source, { origin: address });
    this.machine.writeMemory((world.cap(frame) as FrameCap).address, bytes);
    world.must(frame, label.RISCVPageMap, [address, allRights, 0], [space]);
    return frame;
  }
  start(thread: Thread, pc = codeAddress): void {
    this.world.must(thread.cap, label.TCBWriteRegisters, [1, 1, pc]);
  }
  /** Lets every hart run for at least so long: what the test has called for may have moved a clock ahead of the machine's. */
  runFor(us: number): void {
    const { clocks } = this.world.kernel.machine.port;
    this.machine.run(Math.max(this.machine.now, ...clocks) + us * 1000);
  }
}
