import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeBlockMessage, encodeBlockReply } from '../../guests/sdk/block-protocol.ts';
import { readLinuxImage } from '../../tools/image/linux-image.ts';
import { StageTwoMachine } from './stage-two-machine.ts';

const kernelFile = '.cache/debian/Image';
const initrdFile = '.cache/debian/initrd';
const isThere = existsSync(kernelFile) && existsSync(initrdFile);
if (!isThere) console.warn('skipped: no Debian to boot; npm run fetch:debian brings it');

const megabyte = 2 ** 20;
const ram = { base: 0x8000_0000, bytes: 128 * megabyte };
const [tty, queue, disk] = [0, 1, 2];
const diskSectors = 2048;
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
      { virtio: 'blk', channel: disk },
    ],
    ports: [queue],
    channels: [
      { number: tty, name: 'tty', type: 'stream', sends: true, receives: true, messageBytes: 0 },
      { number: queue, name: 'kv', type: 'queue', sends: true, receives: true, messageBytes: 64 },
      { number: disk, name: 'disk', type: 'queue', sends: true, receives: true, messageBytes: 24 + 4096 },
    ],
  });
  machine.load(entry, kernel.value.bytes);
  machine.load(start, initrd);
  machine.boot();
  return machine;
}

/** The server behind the disk: answers what has been asked since. */
class DiskServer {
  readonly image = new Uint8Array(512 * diskSectors);
  requests = 0;
  private served = 0;
  constructor(private readonly machine: StageTwoMachine) {}

  serve(): void {
    const sent = this.machine.channels.sent.get(disk) ?? [];
    for (; this.served < sent.length; this.served++) {
      const { operation, id, offset, length, bytes } = decodeBlockMessage(sent[this.served]!)!;
      this.requests++;
      if (operation === 'write') this.image.set(bytes!, offset);
      const data = operation === 'read' ? this.image.slice(offset, offset + length) : new Uint8Array(0);
      this.machine.input(disk, encodeBlockReply({ ok: true, id, size: this.image.length, bytes: data }));
    }
  }

  /** Dies with everything that it has not answered, and is there again. */
  restart(): void {
    this.served = (this.machine.channels.sent.get(disk) ?? []).length;
    this.machine.channels.generation++;
    this.machine.input(disk, new Uint8Array(0));
  }
}

/** Runs until the condition holds; fails after ten seconds of the guest's time. */
function runUntil(machine: StageTwoMachine, reached: () => boolean, between = (): void => {}): void {
  const limit = machine.machine.now + 10e9;
  while (!reached()) {
    machine.machine.run(machine.machine.now + 5e6);
    between();
    if (machine.machine.now > limit) throw new Error(`not reached; the terminal says:\n${machine.channels.text(tty)}`);
  }
}

describe.skipIf(!isThere)('Debian’s kernel on the monitor', () => {
  it('boots on two vCPUs, finds its devices, talks over a channel, keeps its disk while the server behind it dies, powers off', () => {
    const machine = boot();
    const { channels } = machine;
    const server = new DiskServer(machine);
    machine.input(disk, new Uint8Array(0));
    runUntil(
      machine,
      () => channels.text(tty).includes(prompt),
      () => server.serve(),
    );
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

    // A disk, whose server dies once while it is written and once while it is read.
    let deaths = 0;
    const serve = (): void => {
      const asked = (channels.sent.get(disk) ?? []).length;
      if (deaths < 2 && asked > 40 * (deaths + 1)) {
        deaths++;
        server.restart();
      } else server.serve();
    };
    type('cat /sys/block/vda/size; dd if=/bin/busybox of=/dev/vda bs=4k count=200 conv=fsync; echo written');
    runUntil(machine, () => channels.text(tty).includes('\nwritten'), serve);
    expect(channels.text(tty)).toContain(`${diskSectors}\r\n`);
    type(
      'echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=4k count=200 | cmp -n 819200 - /bin/busybox && echo same',
    );
    runUntil(machine, () => channels.text(tty).includes('\nsame'), serve);
    expect(deaths).toBe(2);

    type('poweroff');
    runUntil(machine, () => machine.ending !== undefined);
    expect(machine.ending).toEqual({ kind: 'shutdown', failure: false });
  });
});
