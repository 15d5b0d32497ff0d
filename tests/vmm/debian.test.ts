import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readLinuxImage } from '../../tools/image/linux-image.ts';
import { StageTwoMachine } from './stage-two-machine.ts';

const kernelFile = '.cache/debian/Image';
const initrdFile = '.cache/debian/initrd';
const isThere = existsSync(kernelFile) && existsSync(initrdFile);
if (!isThere) console.warn('skipped: no Debian to boot; npm run fetch:debian brings it');

const megabyte = 2 ** 20;
const ram = { base: 0x8000_0000, bytes: 128 * megabyte };
const [tty, queue] = [0, 1];
const prompt = 'microvisor:~# ';

function boot(): StageTwoMachine {
  const kernel = readLinuxImage(readFileSync(kernelFile));
  if (!kernel.ok) throw new Error(kernel.error.message);
  const initrd = readFileSync(initrdFile);
  const treeAt = ram.base + ram.bytes - 2 * megabyte;
  const start = Math.floor((treeAt - initrd.length) / 4096) * 4096;
  const entry = ram.base + kernel.value.textOffset;
  const machine = new StageTwoMachine({
    name: 'linux',
    vcpus: 2,
    ram,
    entry,
    initrd: { start, end: start + initrd.length },
    treeAt,
    bootargs: 'earlycon=sbi console=hvc0',
    timebaseHz: 10_000_000,
    seed: 42,
    epochSeconds: 1_700_000_000,
    devices: [
      { virtio: 'console', channel: tty },
      { virtio: 'rng', channel: null },
    ],
    ports: [queue],
    channels: [
      { number: tty, name: 'tty', type: 'stream', sends: true, receives: true, messageBytes: 0 },
      { number: queue, name: 'kv', type: 'queue', sends: true, receives: true, messageBytes: 64 },
    ],
  });
  machine.load(entry, kernel.value.bytes);
  machine.load(start, initrd);
  machine.boot();
  return machine;
}

/** Runs until the condition holds; fails after ten seconds of the guest's time. */
function runUntil(machine: StageTwoMachine, reached: () => boolean): void {
  const limit = machine.machine.now + 10e9;
  while (!reached()) {
    machine.machine.run(machine.machine.now + 5e6);
    if (machine.machine.now > limit) throw new Error(`not reached; the terminal says:\n${machine.channels.text(tty)}`);
  }
}

describe.skipIf(!isThere)('Debian’s kernel on the monitor', () => {
  it('boots on two vCPUs to a prompt, finds its devices, talks over a channel, and powers off', () => {
    const machine = boot();
    const { channels } = machine;
    runUntil(machine, () => channels.text(tty).includes(prompt));
    expect(channels.text(tty)).toContain('smp: Brought up 1 node, 2 CPUs');
    expect(channels.text(tty)).toContain('2 hart(s)');

    const type = (line: string): void => machine.input(tty, Buffer.from(`${line}\n`));
    type(
      'echo product $((6*7)); date; cat /sys/class/misc/hw_random/rng_current; exec 3<>/dev/virtio-ports/kv; echo ping >&3',
    );
    runUntil(machine, () => (channels.sent.get(queue) ?? []).length > 0);
    expect(Buffer.from(channels.sent.get(queue)![0]!).toString()).toBe('ping\n');
    expect(channels.text(tty)).toContain('product 42');
    expect(channels.text(tty)).toContain('Nov 14 22:13:2');
    expect(channels.text(tty)).toContain('virtio_rng');

    machine.input(queue, Buffer.from('pong\n'));
    type('head -n 1 <&3 | tr a-z A-Z');
    runUntil(machine, () => channels.text(tty).includes('PONG'));

    type('poweroff');
    runUntil(machine, () => machine.ending !== undefined);
    expect(machine.ending).toEqual({ kind: 'shutdown', failure: false });
  });
});
