// Debian's kernel on a bare machine: to the prompt, a few commands, and off.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MachineConfig } from '../../hw/machine/machine.ts';
import { BareMachine } from '../../tools/bare/bare-machine.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import { files, isThere } from './cache.ts';

const prompt = ':~# ';
const second = 1e9;

class Booted {
  readonly bare: BareMachine;
  text = '';
  outcome: Outcome | undefined;

  constructor(harts: number, bios?: string, isLoaded = false, translator?: MachineConfig['translator']) {
    this.bare = new BareMachine({
      harts,
      translator,
      ramSize: 128 << 20,
      disks: [],
      seed: 0,
      builtInFirmware: bios === undefined,
      onConsole: (bytes) => {
        this.text += Buffer.from(bytes).toString('latin1');
      },
      onOutcome: (outcome) => {
        this.outcome ??= outcome;
        this.bare.machine.stop();
      },
    });
    const { kernel, initrd } = files;
    if (!isLoaded) this.bare.loadSystem({ kernel, initrd, bios, append: 'console=ttyS0 earlycon=sbi' });
  }

  /** Runs until a text has come since the last one, or fails after so much virtual time. */
  await(what: string, seconds = 30): this {
    const { machine } = this.bare;
    const limit = machine.now + seconds * second;
    while (!this.text.includes(what) && this.outcome === undefined) {
      machine.run(Math.min(machine.now + second / 50, limit));
      if (machine.now >= limit) throw new Error(`${what} has not come; the console says:\n${this.text.slice(-2000)}`);
    }
    this.text = this.text.slice(this.text.indexOf(what) + what.length);
    return this;
  }

  type(line: string): this {
    this.bare.input(new TextEncoder().encode(`${line}\n`));
    return this;
  }
}

describe.skipIf(!isThere)("Debian's kernel on a bare machine", () => {
  test.each([
    ['the built-in SBI', 1, undefined],
    ['the built-in SBI', 4, undefined],
    ['OpenSBI', 1, files.openSbi],
    ['OpenSBI', 4, files.openSbi],
  ])('boots on %s with %i harts to the prompt, computes, and powers off', (_what, harts, bios) => {
    const booted = new Booted(harts, bios).await(prompt);
    booted
      .type('echo $((6 * 7)) of $(nproc); echo $(head -c 16 /dev/hwrng | wc -c) random')
      .await(`42 of ${harts}`)
      .await('16 random');
    booted.await(prompt).type('poweroff -f').await('Power down');
    if (!booted.outcome) booted.bare.machine.run(booted.bare.machine.now + second);
    expect(booted.outcome).toEqual({ kind: 'pass' });
  });

  test('goes on from a saved machine in the middle of its boot to the same hash', () => {
    const folder = mkdtempSync(join(tmpdir(), 'microvisor-debian-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const saved = join(folder, 'saved');
    const whole = new Booted(2);
    whole.bare.machine.run(0.4e9);
    whole.bare.save(saved);
    whole.bare.machine.run(0.6e9);
    const after = new Booted(2, undefined, true);
    after.bare.load(saved);
    after.bare.machine.run(0.6e9);
    const hashes = [whole, after].map(({ bare: { machine } }) => {
      machine.hashMemory();
      return machine.hash.value;
    });
    expect(hashes[1]).toBe(hashes[0]);
  });

  test('takes the same path whether its code is translated never, at once or when it is hot', () => {
    const hashes = ([false, { threshold: 1 }, { threshold: 37 }, {}] as const).map((translator) => {
      const { machine } = new Booted(2, undefined, false, translator).bare;
      machine.run(0.3e9);
      machine.hashMemory();
      return machine.hash.value;
    });
    expect(new Set(hashes).size, hashes.join()).toBe(1);
  });
});
