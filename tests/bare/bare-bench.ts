// Bare machines on small programs in assembly; what they print and how they end is kept.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { assemble } from '../../hw/isa/assemble.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import { BareMachine, type BareOptions } from '../../tools/bare/bare-machine.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';

/** A folder that is gone when the test is over. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'microvisor-bare-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes an assembled program, linked at an address, as an ELF of one segment; returns its path. */
export function program(source: string, origin = 0x8000_0000): string {
  const { bytes, symbols } = assemble(source, { origin });
  const path = join(scratch(), 'program.elf');
  const segments = [{ address: BigInt(origin), bytes, access: 'rwx' }];
  writeFileSync(path, writeElf({ segments, entry: BigInt(origin), symbols }));
  return path;
}

type Images = { elf: string } | { kernel?: string; initrd?: string; append?: string; bios?: string };

export class BareBench {
  readonly bare: BareMachine;
  readonly machine: Machine;
  /** What came out of the console. */
  printed = '';
  outcome: Outcome | undefined;

  constructor(images: Images | undefined, options: Partial<BareOptions> = {}) {
    const firmware = images === undefined || !('elf' in images || images.bios !== undefined);
    this.bare = new BareMachine({
      harts: 1,
      ramSize: 16 << 20,
      disks: [],
      seed: 0,
      builtInFirmware: firmware,
      onConsole: (bytes) => {
        this.printed += Buffer.from(bytes).toString('latin1');
      },
      onOutcome: (outcome) => {
        this.outcome ??= outcome;
        this.machine.stop();
      },
      ...options,
    });
    this.machine = this.bare.machine;
    if (images === undefined) return;
    if ('elf' in images) this.bare.loadProgram(images.elf);
    else this.bare.loadSystem({ kernel: undefined, initrd: undefined, append: undefined, bios: undefined, ...images });
  }

  /** Runs until the clock shows so many milliseconds, the guest ends the run, or nothing can happen any more. */
  run(ms = 100): this {
    this.machine.run(ms * 1e6);
    return this;
  }

  hash(): string {
    this.machine.hashMemory();
    return this.machine.hash.value;
  }
}
