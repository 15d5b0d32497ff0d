import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diskBackend, memoryDisk } from '../../../vdev/disk.ts';
import { entropyState } from '../../../vdev/entropy.ts';
import { blkState, virtioBlk } from '../../../vdev/virtio/blk.ts';
import { consoleState, virtioConsole } from '../../../vdev/virtio/console.ts';
import { netState, virtioNet } from '../../../vdev/virtio/net.ts';
import { virtioRng } from '../../../vdev/virtio/rng.ts';
import { Driver, EVENT_IDX, ramBase, reg, VERSION_1 } from './driver.ts';

const F = { next: 1, write: 2, indirect: 4 };

/** What becomes of a driver that has done something wrong to queue 0. */
function afterwards(wrong: (driver: Driver<unknown>) => void) {
  const driver = new Driver(virtioRng, entropyState(1, 'rng')) as Driver<unknown>;
  driver.start();
  wrong(driver);
  driver.notify(0);
  return { reset: driver.needsReset, reason: driver.state.fault, used: driver.used(0).length, driver };
}

describe('virtqueue', () => {
  it.each<[string, string, (driver: Driver<unknown>) => void]>([
    [
      'a chain that loops',
      'loops',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 4, F.write | F.next, 1);
        d.describe(d.descriptorTable(0), 1, ramBase, 4, F.write | F.next, 0);
        d.offer(0, 0);
      },
    ],
    [
      'a descriptor that follows itself',
      'loops',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 4, F.write | F.next, 0);
        d.offer(0, 0);
      },
    ],
    ['a head beyond the table', 'descriptor 8 of 8', (d) => d.offer(0, 8)],
    [
      'a successor beyond the table',
      'descriptor 65535 of 8',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 4, F.write | F.next, 0xffff);
        d.offer(0, 0);
      },
    ],
    [
      'a buffer outside memory',
      'not in memory',
      (d) => {
        d.describe(d.descriptorTable(0), 0, 0x1000, 4, F.write, 0);
        d.offer(0, 0);
      },
    ],
    [
      'a buffer at the top of the address space',
      'not in memory',
      (d) => {
        d.describe(d.descriptorTable(0), 0, 2 ** 63, 0xffff_ffff, F.write, 0);
        d.offer(0, 0);
      },
    ],
    [
      'a readable buffer behind a writable one',
      'behind',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 4, F.write | F.next, 1);
        d.describe(d.descriptorTable(0), 1, ramBase, 4, 0, 0);
        d.offer(0, 0);
      },
    ],
    [
      'a chain of more than 4 GiB',
      '4 GiB',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 0xffff_ffff, F.write | F.next, 1);
        d.describe(d.descriptorTable(0), 1, ramBase, 0xffff_ffff, F.write, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect table of no descriptors',
      '0 bytes',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 0, F.indirect, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect table of half a descriptor',
      '24 bytes',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 24, F.indirect, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect table of a gigabyte',
      'longer',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 2 ** 30, F.indirect, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect table outside memory',
      'not in memory',
      (d) => {
        d.describe(d.descriptorTable(0), 0, 0, 16, F.indirect, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect table that points to itself',
      'indirect table',
      (d) => {
        d.describe(d.descriptorTable(0), 0, d.descriptorTable(0), 16, F.indirect, 0);
        d.offer(0, 0);
      },
    ],
    [
      'an indirect descriptor with a successor',
      'successor',
      (d) => {
        d.describe(d.descriptorTable(0), 0, ramBase, 16, F.indirect | F.next, 1);
        d.offer(0, 0);
      },
    ],
    [
      'an available index that runs ahead',
      'ahead',
      (d) => {
        d.bus.view.setUint16(d.at(d.availableRing(0)) + 2, 9, true);
      },
    ],
    [
      'an available index that goes back',
      'ahead',
      (d) => {
        d.bus.view.setUint16(d.at(d.availableRing(0)) + 2, 0xffff, true);
      },
    ],
  ])('asks for a reset after %s', (_name, reason, wrong) => {
    const result = afterwards(wrong);
    expect(result).toMatchObject({ reset: true, used: 0 });
    expect(result.reason).toContain(reason);
    expect(result.driver.acknowledge()).toBe(2);
    result.driver.start();
    result.driver.send(0, [{ in: 4 }]);
    result.driver.notify(0);
    expect(result.driver.used(0).length).toBe(1);
  });

  it('asks for a reset when a ring is not in memory', () => {
    for (const register of [reg.queueDesc, reg.queueDriver, reg.queueDevice]) {
      for (const high of [0, 1, 0xffff_ffff]) {
        const driver = new Driver(virtioRng, entropyState(1, 'rng'));
        driver.start();
        driver.write(reg.queueSel, 0);
        driver.write(reg.queueReady, 0);
        driver.write(register, 0x4000);
        driver.write(register + 4, high);
        driver.write(reg.queueReady, 1);
        driver.send(0, [{ in: 4 }]);
        driver.notify(0);
        expect(driver.needsReset).toBe(true);
      }
    }
  });
});

const devices = [
  () => new Driver(virtioRng, entropyState(1, 'rng')),
  () => new Driver(virtioNet, netState([2, 0, 0, 0, 0, 1])),
  () =>
    new Driver(
      virtioConsole,
      consoleState([
        { name: '', console: true },
        { name: 'log', console: false },
      ]),
    ),
  () => new Driver(virtioBlk(diskBackend(memoryDisk(new Uint8Array(64 * 512)))), blkState({ capacitySectors: 64 })),
] as unknown as (() => Driver<unknown>)[];

describe('virtio devices under random rings', () => {
  // Mostly plausible values, so that the deeper layers are reached; sometimes anything.
  const address = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: ramBase, max: ramBase + 0xf_ffff }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, ramBase - 1, ramBase + 0xf_ffff, 2 ** 32, 2 ** 53, 2 ** 64 - 2048) },
  );
  const length = fc.oneof(
    { weight: 8, arbitrary: fc.nat(700) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, 16, 17, 512, 513, 0x1_0000, 2 ** 31, 0xffff_ffff) },
  );
  const descriptor = fc.record({
    address,
    length,
    flags: fc.oneof({ weight: 9, arbitrary: fc.nat(7) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
    next: fc.oneof({ weight: 9, arbitrary: fc.nat(7) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
  });
  const scenario = fc.record({
    device: fc.nat(devices.length - 1),
    features: fc.constantFrom<number[]>([VERSION_1], [VERSION_1, EVENT_IDX], [VERSION_1, 1]),
    queue: fc.nat(5),
    descriptors: fc.array(descriptor, { minLength: 8, maxLength: 8 }),
    heads: fc.array(fc.nat(8), { maxLength: 8 }),
    /** Bytes that look like request headers and control messages. */
    words: fc.array(fc.oneof(fc.nat(14), fc.nat(0xffff_ffff)), { minLength: 4, maxLength: 16 }),
    available: fc.option(fc.nat(0xffff), { freq: 6 }),
    pokes: fc.array(fc.tuple(fc.nat(0x5fff), fc.nat(255)), { maxLength: 6 }),
    input: fc.nat(1600),
  });

  it('never throw, do bounded work, and recover by a reset', () => {
    fc.assert(
      fc.property(scenario, ({ device, features, queue, descriptors, heads, words, available, pokes, input }) => {
        const driver = devices[device]!();
        driver.start(features);
        const target = queue % driver.state.queues.length;
        descriptors.forEach(({ address, length, flags, next }, i) => {
          driver.describe(driver.descriptorTable(target), i, address, length, flags, next);
          if (address >= ramBase && address + 4 * words.length < ramBase + 0x10_0000) {
            for (const [j, word] of words.entries()) driver.bus.view.setUint32(driver.at(address) + 4 * j, word, true);
          }
        });
        for (const head of heads) driver.offer(target, head);
        const ring = driver.at(driver.availableRing(target));
        if (available !== null) driver.bus.view.setUint16(ring + 2, available, true);
        for (const [at, value] of pokes) driver.bus.memory[at] = value;
        driver.bus.traffic = 0;
        driver.notify(target);
        driver.input(new Uint8Array(input), device === 2 ? input % 2 : 0);
        driver.notify(target);
        // Two notifications of at most eight chains, none of which may move more than the memory there is.
        expect(driver.bus.traffic).toBeLessThan(2 * 8 * 0x10_0000);
        expect(JSON.parse(JSON.stringify(driver.state))).toEqual(driver.state);
        driver.start();
        expect(driver.needsReset).toBe(false);
      }),
      { numRuns: 12_000 },
    );
  });
});
