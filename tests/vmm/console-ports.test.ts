import { describe, expect, it } from 'vitest';
import { signalDevices } from '../../guests/vmm/board.ts';
import type { VmChannel } from '../../guests/vmm/channel.ts';
import type { ConsoleSlot } from '../../guests/vmm/vm.ts';
import { type ConsoleState, virtioConsole } from '../../vdev/virtio/console.ts';
import { VERSION_1 } from '../vdev/virtio/driver.ts';
import { BoardDriver, FakeVm, plainConfig } from './fake-vm.ts';

const channel = (number: number, type: VmChannel['type'], more: Partial<VmChannel> = {}): VmChannel => ({
  number,
  name: `ch${number}`,
  type,
  sends: true,
  receives: true,
  messageBytes: type === 'queue' || type === 'sample' ? 4 : 0,
  ...more,
});

const multiport = 1;
const [controlReceive, controlTransmit] = [2, 3];
const receiveQueue = (port: number) => (port === 0 ? 0 : 2 * port + 2);
const transmitQueue = (port: number) => receiveQueue(port) + 1;

function guest(...ports: VmChannel[]) {
  const fake = new FakeVm({
    channels: [plainConfig.channels[0]!, ...ports],
    ports: ports.map(({ number }) => number),
  });
  const driver = new BoardDriver<ConsoleState>(fake, 0, virtioConsole);
  driver.start([VERSION_1, multiport]);
  const control = (id: number, event: number, value: number) => {
    driver.send(controlTransmit, [{ out: Uint8Array.of(id, 0, 0, 0, event, 0, value, 0) }]);
    driver.notify(controlTransmit);
  };
  const open = (port: number, value = 1) => control(port, 6, value);
  const write = (port: number, text: string) => {
    driver.send(transmitQueue(port), [{ out: Buffer.from(text) }]);
    driver.notify(transmitQueue(port));
  };
  /** Gives the port a buffer; what comes into it is the function's answer, when called. */
  const buffer = (port: number, length: number) => {
    const queue = receiveQueue(port);
    const { addresses, head } = driver.send(queue, [{ in: length }]);
    driver.notify(queue);
    return () => {
      const used = driver.used(queue).find((each) => each.head === head);
      return used && Buffer.from(driver.bytes(addresses[0]!, used.length)).toString();
    };
  };
  const deliver = (number: number, text: string) => {
    fake.channels.deliver(number, Buffer.from(text));
    signalDevices(fake.vm, [number]);
  };
  const sent = (number: number) => (fake.channels.sent.get(number) ?? []).map((bytes) => Buffer.from(bytes).toString());
  const slot = fake.vm.state.slots[0] as ConsoleSlot;
  return { fake, driver, control, open, write, buffer, deliver, sent, slot };
}

describe('channels as ports of the console', () => {
  it('have their channels’ names; the terminal is port 0', () => {
    const { driver, control } = guest(channel(5, 'stream', { name: 'kv' }));
    const { addresses } = driver.send(controlReceive, [{ in: 32 }]);
    control(0, 0, 1);
    expect(driver.bytes(addresses[0]!, 6)).toEqual([0, 0, 0, 0, 1, 0]);
    expect(driver.state.device.ports.map(({ name, console }) => [name, console])).toEqual([
      ['tty', true],
      ['kv', false],
    ]);
  });

  it('a stream takes bytes as far as it has room; the rest waits, in order, and later buffers stay in the queue', () => {
    const { fake, driver, write, slot } = guest(channel(5, 'stream'));
    fake.channels.room.set(5, 3);
    write(1, 'abcde');
    write(1, 'fgh');
    expect(fake.channels.text(5)).toBe('abc');
    expect(slot.ports[1]!.backlog).toEqual(['de']);
    expect(driver.used(transmitQueue(1))).toHaveLength(1);
    fake.channels.room.set(5, 4);
    signalDevices(fake.vm, [5]);
    expect(fake.channels.text(5)).toBe('abcdefg');
    fake.channels.room.set(5, 100);
    signalDevices(fake.vm, [5]);
    expect(fake.channels.text(5)).toBe('abcdefgh');
    expect(driver.used(transmitQueue(1))).toHaveLength(1);
  });

  it('what comes in waits in the channel until the guest has the port open and a buffer for it', () => {
    const { fake, buffer, deliver, open } = guest(channel(5, 'stream'));
    deliver(5, 'abcdef');
    const early = buffer(1, 4);
    expect(fake.channels.waiting(5)).toBe(6);
    open(1);
    expect(early()).toBe('abcd');
    expect(fake.channels.waiting(5)).toBe(2);
    expect(buffer(1, 4)()).toBe('ef');
    expect(fake.channels.waiting(5)).toBe(0);
  });

  it('a queue’s messages begin in buffers of their own, and writes longer than a message become several', () => {
    const { buffer, deliver, open, write, sent } = guest(channel(5, 'queue'));
    open(1);
    write(1, 'abcdef');
    expect(sent(5)).toEqual(['abcd', 'ef']);
    deliver(5, '1234');
    deliver(5, '56');
    expect([3, 8, 8].map((length) => buffer(1, length)())).toEqual(['123', '4', '56']);
  });

  it('a full queue follows its policy and counts drops', () => {
    const waiting = guest(channel(5, 'queue', { full: 'block' }));
    waiting.fake.channels.room.set(5, 1);
    waiting.write(1, 'abcdef');
    waiting.write(1, 'gh');
    expect(waiting.sent(5)).toEqual(['abcd']);
    waiting.fake.channels.room.set(5, 9);
    signalDevices(waiting.fake.vm, [5]);
    expect(waiting.sent(5)).toEqual(['abcd', 'ef', 'gh']);

    const dropping = guest(channel(5, 'queue', { full: 'drop' }));
    dropping.fake.channels.room.set(5, 0);
    dropping.write(1, 'abcdef');
    expect(dropping.fake.channels.dropped).toBe(2);
    expect(dropping.slot.ports[1]!.backlog).toEqual([]);
  });

  it('a sample that the guest has not read gives way to the newest', () => {
    const { buffer, deliver, open } = guest(channel(5, 'sample'));
    open(1);
    deliver(5, 'old');
    deliver(5, 'new');
    expect(buffer(1, 8)()).toBe('new');
    expect(buffer(1, 8)()).toBeUndefined();
  });

  it('a notify channel is a byte for each time that the guest had not been told, and any write signals', () => {
    const { fake, buffer, open, write } = guest(channel(5, 'notify'));
    open(1);
    signalDevices(fake.vm, [5]);
    signalDevices(fake.vm, [5]);
    expect(buffer(1, 8)()).toBe('\x01');
    expect(buffer(1, 8)()).toBeUndefined();
    write(1, 'xyz');
    expect(fake.channels.signals).toEqual([5]);
  });

  it('a channel that only receives swallows what is written', () => {
    const { fake, write } = guest(channel(5, 'stream', { sends: false }));
    write(1, 'abc');
    expect(fake.channels.text(5)).toBe('');
  });

  it('a device that the guest resets forgets no byte of a channel', () => {
    const { fake, driver, deliver, buffer, open } = guest(channel(5, 'stream'));
    open(1);
    deliver(5, 'abc');
    driver.start([VERSION_1, multiport]);
    open(1);
    expect(buffer(1, 8)()).toBe('abc');
    expect(fake.channels.waiting(5)).toBe(0);
  });

  it('the console’s interrupt reaches the vCPU that has enabled it', () => {
    const { fake, deliver, buffer, open } = guest(channel(5, 'stream'));
    const plic = fake.vm.state.plic;
    plic.priority[1] = 1;
    plic.enable[1]![0] = 2;
    open(1);
    buffer(1, 8);
    deliver(5, 'x');
    expect([0, 1].map((vcpu) => fake.register(vcpu, 'hvip'))).toEqual([0n, 0x400n]);
  });
});
