import { describe, expect, it } from 'vitest';
import { decodeBlockMessage, encodeBlockReply } from '../../guests/sdk/block-protocol.ts';
import { signalDevices } from '../../guests/vmm/board.ts';
import type { DiskSlot } from '../../guests/vmm/disk-state.ts';
import { type BlkState, virtioBlk } from '../../vdev/virtio/blk.ts';
import { BoardDriver, FakeVm } from './fake-vm.ts';

const [read, write, flush] = [0, 1, 4];
const [ok, ioError] = [0, 1];
const sector = 512;
const diskNumber = 3;

/** A guest with a disk, and the server behind it, which answers when it is told to. */
function system(messageBytes = 24 + 2 * sector) {
  const fake = new FakeVm({
    devices: [{ virtio: 'blk', channel: diskNumber }],
    channels: [{ number: diskNumber, name: 'disk', type: 'queue', sends: true, receives: true, messageBytes }],
  });
  const driver = new BoardDriver<BlkState>(fake, 0, virtioBlk({ submit: () => undefined }));
  const image = Uint8Array.from({ length: 16 * sector }, (_, index) => (index >>> 9) + 1);
  const asked = () => (fake.channels.sent.get(diskNumber) ?? []).map((message) => decodeBlockMessage(message)!);
  let served = 0;
  const answerOne = (message: ReturnType<typeof asked>[number], broken = false) => {
    const { operation, id, offset, length, bytes } = message;
    if (operation === 'write') image.set(bytes!, offset);
    const size = operation === 'info' ? image.length : 0;
    const data = operation === 'read' ? image.slice(offset, offset + length) : new Uint8Array(0);
    fake.channels.deliver(
      diskNumber,
      encodeBlockReply({ ok: !broken, id, size, bytes: broken ? new Uint8Array(0) : data }),
    );
    signalDevices(fake.vm, [diskNumber]);
  };
  /** Answers what has been asked since, until nothing more is. */
  const serve = (broken = false) => {
    for (; served < asked().length; served++) answerOne(asked()[served]!, broken);
  };
  const request = (type: number, at: number, ...pieces: Parameters<typeof driver.send>[1]) => {
    const header = new DataView(new ArrayBuffer(16));
    header.setUint32(0, type, true);
    header.setBigUint64(8, BigInt(at), true);
    const { addresses } = driver.send(0, [{ out: new Uint8Array(header.buffer) }, ...pieces, { in: 1 }]);
    driver.notify(0);
    return { data: addresses[1]!, status: () => driver.bytes(addresses.at(-1)!, 1)[0] };
  };
  const connect = () => {
    signalDevices(fake.vm, [diskNumber]);
    serve();
    driver.start();
  };
  const skip = () => {
    served = asked().length;
  };
  const slot = fake.vm.state.slots[0] as DiskSlot;
  return { fake, driver, image, asked, answerOne, serve, request, connect, skip, slot };
}

describe('a disk whose server is another cell', () => {
  it('asks for its size, and tells the driver when it is known', () => {
    const { driver, connect, fake } = system();
    driver.start();
    expect(driver.read(0x100)).toBe(0);
    connect();
    expect(driver.read(0x100)).toBe(16);
    expect(fake.vm.state.slots).toHaveLength(1);
  });

  it('reads in pieces that fit into messages', () => {
    const { connect, request, asked, serve, driver, image } = system();
    connect();
    const { data, status } = request(read, 1, { in: 5 * sector });
    expect(
      asked()
        .slice(1)
        .map(({ offset, length }) => [offset / sector, length / sector]),
    ).toEqual([
      [1, 2],
      [3, 2],
      [5, 1],
    ]);
    serve();
    expect(status()).toBe(ok);
    expect(driver.bytes(data, 5 * sector)).toEqual([...image.subarray(sector, 6 * sector)]);
    expect(driver.used(0)).toEqual([{ head: 0, length: 5 * sector + 1 }]);
  });

  it('writes, and flushes', () => {
    const { connect, request, serve, image } = system();
    connect();
    const bytes = Uint8Array.from({ length: 3 * sector }, (_, index) => index & 0xff);
    const written = request(write, 2, { out: bytes });
    serve();
    expect(written.status()).toBe(ok);
    expect(image.subarray(2 * sector, 5 * sector)).toEqual(bytes);
    const flushed = request(flush, 0);
    serve();
    expect(flushed.status()).toBe(ok);
  });

  it('takes answers in any order, once each, and ignores others', () => {
    const { connect, request, asked, answerOne, driver, image, skip } = system();
    connect();
    const first = request(read, 0, { in: 2 * sector });
    const second = request(read, 8, { in: 2 * sector });
    const [one, two] = asked().slice(1);
    skip();
    answerOne(two!);
    answerOne(two!);
    answerOne({ ...one!, id: 999 });
    expect(driver.used(0)).toHaveLength(1);
    answerOne(one!);
    expect([first.status(), second.status()]).toEqual([ok, ok]);
    expect(driver.bytes(second.data, 1)).toEqual([image[8 * sector]!]);
  });

  it('a server that fails a piece fails the request', () => {
    const { connect, request, serve } = system();
    connect();
    const { status } = request(read, 0, { in: 4 * sector });
    serve(true);
    expect(status()).toBe(ioError);
  });

  it('a server that dies and returns loses no request: what is unanswered is asked again under new ids', () => {
    const { fake, connect, request, asked, serve, skip, driver, image } = system();
    connect();
    const reading = request(read, 4, { in: 3 * sector });
    const bytes = new Uint8Array(sector).fill(0xee);
    const writing = request(write, 9, { out: bytes });
    const before = asked().map(({ id }) => id);
    skip();
    fake.channels.generation++;
    signalDevices(fake.vm, [diskNumber]);
    const again = asked().slice(before.length);
    expect(again.map(({ operation }) => operation)).toEqual(['info', 'read', 'read', 'write']);
    expect(again.every(({ id }) => !before.includes(id))).toBe(true);
    serve();
    expect([reading.status(), writing.status()]).toEqual([ok, ok]);
    expect(driver.bytes(reading.data, 3 * sector)).toEqual([...image.subarray(4 * sector, 7 * sector)]);
    expect(image.subarray(9 * sector, 10 * sector)).toEqual(bytes);
  });

  it('a full queue only delays', () => {
    const { fake, connect, request, serve, asked } = system();
    connect();
    fake.channels.room.set(diskNumber, 1);
    const { status } = request(read, 0, { in: 6 * sector });
    expect(asked()).toHaveLength(2);
    fake.channels.room.set(diskNumber, 100);
    signalDevices(fake.vm, [diskNumber]);
    serve();
    expect(status()).toBe(ok);
  });

  it('an answer to a request that the driver reset is dropped', () => {
    const { connect, request, serve, driver, slot } = system();
    connect();
    request(read, 0, { in: sector });
    driver.start();
    serve();
    expect(slot.requests).toEqual([]);
    expect(driver.used(0)).toEqual([]);
    expect(driver.needsReset).toBe(false);
  });
});
