// Small systems from a manifest in a test, booted in this process; what they say and what befalls them is kept.

import { resolve } from 'node:path';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { type SavedSystem, System } from '../../tools/boot/system.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import type { Manifest } from '../../tools/manifest/model.ts';
import { buildPlan } from '../../tools/plan/build.ts';

const millisecond = 1e6;
const utf8 = new TextDecoder();

export function manifestOf(body: string, overrides: readonly string[] = []): Manifest {
  const text = `schema: 1\nsystem: { name: test, seed: 1 }\n${body}`;
  const loaded = checkManifest(text, resolve(import.meta.dirname, 'test.yaml'), { overrides: [...overrides] });
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  return loaded.manifest;
}

export class SystemBench {
  readonly system: System;
  /** What each cell wrote to the kernel's console. */
  private readonly said = new Map<string, string>();
  /** What devices sent. */
  readonly device = new Map<string, string>();
  readonly faults: string[] = [];
  readonly unhandled: string[] = [];
  readonly restarts: string[] = [];
  isBooted = false;

  constructor(manifest: Manifest, saved?: SavedSystem) {
    const add = (texts: Map<string, string>, name: string, bytes: Uint8Array): void =>
      void texts.set(name, (texts.get(name) ?? '') + utf8.decode(bytes));
    const plan = buildPlan(manifest);
    this.system = new System(manifest, plan, loadPrograms(plan), {
      output: (device, bytes) => add(this.device, device, bytes),
      debug: (cell, bytes) => add(this.said, cell ?? '', bytes),
      log: () => {},
      realmFault: ({ cell, cause }) => this.faults.push(`${cell}: ${cause}`),
      realmRestarted: (cell) => this.restarts.push(cell),
      unhandledFault: (cell, _thread, what) => this.unhandled.push(`${cell}: ${what}`),
      machineEnded: () => {},
      booted: () => {
        this.isBooted = true;
      },
    });
    if (saved) this.system.load(saved);
    else this.system.start();
  }

  /** Lines that a cell wrote, without the name that `cell.log` puts before them. */
  lines(cell: string): string[] {
    const text = this.said.get(cell) ?? '';
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(`${cell}: `, ''));
  }

  /** Runs until the clock shows so many milliseconds, or until nothing can happen any more. */
  run(ms: number): this {
    const { machine } = this.system;
    machine.run(Math.round((ms * millisecond * machine.clockHz) / 1e9));
    return this;
  }

  /** The trace hash with all of memory in it. Nothing should run after it. */
  hash(): string {
    this.system.machine.hashMemory();
    return this.system.machine.hash.value;
  }

  state(cell: string): string {
    return this.system.activity.of(this.system.plan, cell).state;
  }
}

export const boot = (body: string, overrides?: readonly string[]): SystemBench =>
  new SystemBench(manifestOf(body, overrides));
