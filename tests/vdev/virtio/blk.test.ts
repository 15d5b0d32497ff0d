import { createDraft, finishDraft } from 'immer';
import { describe, expect, it } from 'vitest';
import { diskBackend, memoryDisk } from '../../../vdev/disk.ts';
import {
  type BlkState,
  type BlockAnswer,
  type BlockRequest,
  blkState,
  completeBlock,
  replayBlock,
  virtioBlk,
} from '../../../vdev/virtio/blk.ts';
import { virtioMmio } from '../../../vdev/virtio/mmio.ts';
import type { VirtioState } from '../../../vdev/virtio/transport.ts';
import { ascii } from '../mock-bus.ts';
import { type Chain, Driver, reg } from './driver.ts';

const [IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES] = [0, 1, 4, 8, 11, 13];
const [OK, IOERR, UNSUPP] = [0, 1, 2];
const sectors = 16;

function header(type: number, sector = 0): { out: Uint8Array } {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return { out: new Uint8Array(view.buffer) };
}

function range(sector: number, count: number, flags = 0): { out: Uint8Array } {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return { out: new Uint8Array(view.buffer) };
}

function disk(options: { readOnly?: boolean } = {}) {
  const contents = Uint8Array.from({ length: sectors * 512 }, (_, i) => (i >>> 9) + 1);
  const driver = new Driver(
    virtioBlk(diskBackend(memoryDisk(contents))),
    blkState({ capacitySectors: sectors, serial: 'disk0', ...options }),
  );
  driver.start();
  const request = (...pieces: Parameters<typeof driver.send>[1]) => {
    const chain = driver.send(0, pieces);
    driver.notify(0);
    const [used] = driver.used(0);
    return { status: driver.bytes(chain.addresses.at(-1)!, 1)[0], length: used?.length, chain };
  };
  return { contents, driver, request };
}

/** A disk whose backend remembers requests and answers when told. */
function slowDisk() {
  const asked: BlockRequest[] = [];
  const submit = (request: BlockRequest): BlockAnswer | undefined => {
    asked.push(request);
    return undefined;
  };
  const driver = new Driver(virtioBlk({ submit }), blkState({ capacitySectors: sectors }));
  driver.start();
  const complete = (tag: number, answer: BlockAnswer) => completeBlock(driver.state, driver.bus, tag, answer);
  const status = (chain: Chain) => driver.bytes(chain.addresses.at(-1)!, 1)[0];
  const send = (...pieces: Parameters<typeof driver.send>[1]) => {
    const chain = driver.send(0, pieces);
    driver.bus.memory[driver.at(chain.addresses.at(-1)!)] = 0xee;
    driver.notify(0);
    return chain;
  };
  return { asked, driver, complete, status, send };
}

describe('virtio block device', () => {
  it('describes itself in its configuration', () => {
    const { driver } = disk();
    expect(driver.read(reg.config)).toBe(sectors);
    expect(driver.read(reg.config + 12)).toBe(126);
    expect(driver.read(reg.config + 20)).toBe(512);
    expect(driver.read(reg.config + 34, 2)).toBe(1);
    expect(driver.read(reg.config + 56, 1)).toBe(1);
  });

  it('reads sectors into scattered buffers', () => {
    const { driver, request } = disk();
    const { status, length, chain } = request(header(IN, 3), { in: 500 }, { in: 524 }, { in: 1 });
    expect([status, length]).toEqual([OK, 1025]);
    expect(driver.bytes(chain.addresses[1]!, 1)).toEqual([4]);
    expect(driver.bytes(chain.addresses[2]!, 13)).toEqual([...Array(12).fill(4), 5]);
  });

  it('reads whatever way the request is cut into buffers', () => {
    const { driver, request } = disk();
    const { out } = header(IN, 1);
    const cut = request({ out: out.subarray(0, 5) }, { out: out.subarray(5) }, { in: 513 });
    expect(cut.length).toBe(513);
    expect(driver.bytes(cut.chain.addresses[2]!, 513)).toEqual([...Array(512).fill(2), 0]);
  });

  it('writes, and flushes', () => {
    const { contents, request } = disk();
    expect(request(header(OUT, 2), { out: new Uint8Array(512).fill(77) }, { in: 1 })).toMatchObject({
      status: OK,
      length: 1,
    });
    expect([contents[1023], contents[1024], contents[1535], contents[1536]]).toEqual([2, 77, 77, 4]);
    expect(request(header(FLUSH), { in: 1 }).status).toBe(OK);
  });

  it('zeroes and discards', () => {
    const { contents, request } = disk();
    expect(request(header(WRITE_ZEROES), range(4, 2, 1), { in: 1 }).status).toBe(OK);
    expect([...new Set(contents.subarray(2048, 3072))]).toEqual([0]);
    expect(contents[3072]).toBe(7);
    expect(request(header(DISCARD), range(0, 16), { in: 1 }).status).toBe(OK);
    expect(request(header(DISCARD), range(0, 1, 1), { in: 1 }).status).toBe(UNSUPP);
    expect(request(header(WRITE_ZEROES), range(15, 2), { in: 1 }).status).toBe(IOERR);
    expect(request(header(WRITE_ZEROES), range(0, 1), range(1, 1), { in: 1 }).status).toBe(UNSUPP);
  });

  it('tells its serial', () => {
    const { driver, request } = disk();
    const { status, length, chain } = request(header(GET_ID), { in: 20 }, { in: 1 });
    expect([status, length]).toEqual([OK, 21]);
    expect(driver.bytes(chain.addresses[1]!, 7)).toEqual([...ascii('disk0'), 0, 0]);
  });

  it('answers an I/O error to what lies beyond the end or is no whole sector', () => {
    const { request } = disk();
    expect(request(header(IN, 15), { in: 1024 }, { in: 1 }).status).toBe(IOERR);
    expect(request(header(IN, 2 ** 53), { in: 512 }, { in: 1 }).status).toBe(IOERR);
    expect(request(header(IN), { in: 511 }, { in: 1 }).status).toBe(IOERR);
    expect(request(header(OUT, 16), { out: new Uint8Array(512) }, { in: 1 }).status).toBe(IOERR);
    expect(request(header(99), { in: 1 }).status).toBe(UNSUPP);
  });

  it('does not write a read-only disk', () => {
    const { driver, contents, request } = disk({ readOnly: true });
    driver.write(reg.deviceFeaturesSel, 0);
    expect(driver.read(reg.deviceFeatures) & (1 << 5)).not.toBe(0);
    expect(request(header(OUT), { out: new Uint8Array(512) }, { in: 1 }).status).toBe(IOERR);
    expect(request(header(WRITE_ZEROES), range(0, 1), { in: 1 }).status).toBe(UNSUPP);
    expect(contents[0]).toBe(1);
  });

  it('needs a reset after a request without header or status', () => {
    for (const pieces of [[{ out: new Uint8Array(8) }, { in: 1 }], [header(FLUSH)], [{ in: 1 }]]) {
      const { driver } = disk();
      driver.send(0, pieces);
      driver.notify(0);
      expect(driver.needsReset).toBe(true);
    }
  });

  it('completes requests in the order of the answers', () => {
    const { driver, asked, complete, status, send } = slowDisk();
    const first = send(header(IN, 1), { in: 512 }, { in: 1 });
    const second = send(header(FLUSH), { in: 1 });
    expect(driver.used(0)).toEqual([]);
    expect(complete(asked[1]!.tag, { status: 'ok' })).toBe(true);
    expect(complete(asked[0]!.tag, { status: 'ok', bytes: new Uint8Array(512).fill(9) })).toBe(true);
    expect(driver.used(0).map(({ head }) => head)).toEqual([second.head, first.head]);
    expect([status(first), status(second), driver.bytes(first.addresses[1]!, 1)[0]]).toEqual([OK, OK, 9]);
  });

  it('passes on a backend error, and takes a short read for one', () => {
    const { asked, complete, status, send } = slowDisk();
    const first = send(header(IN), { in: 512 }, { in: 1 });
    const second = send(header(IN), { in: 512 }, { in: 1 });
    complete(asked[0]!.tag, { status: 'error' });
    complete(asked[1]!.tag, { status: 'ok', bytes: new Uint8Array(511) });
    expect([status(first), status(second)]).toEqual([IOERR, IOERR]);
  });

  it('completes or cancels on a reset mid-transfer, never both', () => {
    const { driver, asked, complete, status, send } = slowDisk();
    const cancelled = send(header(IN), { in: 512 }, { in: 1 });
    driver.start();
    expect(complete(asked[0]!.tag, { status: 'ok', bytes: new Uint8Array(512) })).toBe(false);
    expect([status(cancelled), driver.used(0).length, driver.bus.interrupt]).toEqual([0xee, 0, false]);
    const next = send(header(FLUSH), { in: 1 });
    expect(asked[1]!.tag).not.toBe(asked[0]!.tag);
    complete(asked[1]!.tag, { status: 'ok' });
    expect(complete(asked[1]!.tag, { status: 'ok' })).toBe(false);
    expect([status(next), driver.used(0).length]).toEqual([OK, 1]);
  });

  it('cancels what is in flight when the driver takes the queue away', () => {
    const { driver, asked, complete, send } = slowDisk();
    send(header(FLUSH), { in: 1 });
    driver.write(reg.queueSel, 0);
    driver.write(reg.queueReady, 0);
    driver.setUpQueue(0);
    expect(complete(asked[0]!.tag, { status: 'ok' })).toBe(false);
    expect(driver.used(0)).toEqual([]);
  });

  it('loses no request when the back end dies and returns', () => {
    const { driver, asked, complete, status, send } = slowDisk();
    const chains = [
      send(header(OUT, 5), { out: new Uint8Array(512).fill(3) }, { in: 1 }),
      send(header(IN, 5), { in: 512 }, { in: 1 }),
      send(header(FLUSH), { in: 1 }),
    ];
    complete(asked[2]!.tag, { status: 'ok' });
    const replayed = replayBlock(driver.state, driver.bus);
    expect(replayed).toEqual(asked.slice(0, 2));
    complete(replayed[0]!.tag, { status: 'ok' });
    complete(replayed[1]!.tag, { status: 'ok', bytes: new Uint8Array(512).fill(3) });
    expect(chains.map(status)).toEqual([OK, OK, OK]);
    expect(replayBlock(driver.state, driver.bus)).toEqual([]);
  });

  it('needs a reset when the driver offers one chain again and again', () => {
    const { driver } = slowDisk();
    const { head } = driver.lay(0, [header(FLUSH), { in: 1 }]);
    for (let i = 0; i < 200; i++) {
      driver.offer(0, head);
      driver.notify(0);
    }
    expect(driver.needsReset).toBe(true);
    expect(driver.state.device.inFlight.length).toBeLessThanOrEqual(128);
  });

  it('lives in an immer draft', () => {
    const asked: BlockRequest[] = [];
    const model = virtioMmio(virtioBlk({ submit: (request) => void asked.push(request) }));
    const { driver } = slowDisk();
    const chain = driver.send(0, [header(IN), { in: 512 }, { in: 1 }]);
    let draft = createDraft(driver.state) as VirtioState<BlkState>;
    model.write(draft, driver.bus, reg.queueNotify, 4, 0);
    const frozen = finishDraft(draft) as VirtioState<BlkState>;
    expect(frozen.device.inFlight).toMatchObject([{ tag: 1, kind: 'read', length: 512 }]);
    draft = createDraft(frozen) as VirtioState<BlkState>;
    expect(completeBlock(draft, driver.bus, 1, { status: 'ok', bytes: new Uint8Array(512).fill(1) })).toBe(true);
    expect((finishDraft(draft) as VirtioState<BlkState>).device.inFlight).toEqual([]);
    expect(driver.used(0)).toEqual([{ head: chain.head, length: 513 }]);
  });
});
