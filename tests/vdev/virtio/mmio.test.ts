import { describe, expect, it } from 'vitest';
import { entropyState } from '../../../vdev/entropy.ts';
import { virtioMmioEmpty } from '../../../vdev/virtio/mmio.ts';
import { virtioRng } from '../../../vdev/virtio/rng.ts';
import { mockBus } from '../mock-bus.ts';
import { Driver, EVENT_IDX, ramBase, reg, VERSION_1 } from './driver.ts';

const rng = () => new Driver(virtioRng, entropyState(1, 'rng'));

describe('virtio over MMIO', () => {
  it('identifies itself as a modern device', () => {
    const driver = rng();
    expect([0, 4, 8, 12].map((offset) => driver.read(offset))).toEqual([0x74726976, 2, 4, 0x554d4551]);
    driver.write(reg.deviceFeaturesSel, 1);
    expect(driver.read(reg.deviceFeatures) & 1).toBe(1);
    driver.write(reg.deviceFeaturesSel, 7);
    expect(driver.read(reg.deviceFeatures)).toBe(0);
    driver.write(reg.queueSel, 1);
    expect(driver.read(reg.queueNumMax)).toBe(0);
    expect([driver.read(0xb0), driver.read(0xbc)]).toEqual([0xffff_ffff, 0xffff_ffff]);
  });

  it('shows an empty slot as device id 0', () => {
    const bus = mockBus();
    expect([0, 4, 8, 0x70].map((offset) => virtioMmioEmpty.read(null, bus, offset, 4))).toEqual([0x74726976, 2, 0, 0]);
  });

  it('accepts only a subset of its features, with or without VERSION_1', () => {
    const driver = rng();
    const settle = (low: number, high: number) => {
      driver.write(reg.status, 0);
      driver.write(reg.status, 3);
      driver.write(reg.driverFeaturesSel, 0);
      driver.write(reg.driverFeatures, low);
      driver.write(reg.driverFeaturesSel, 1);
      driver.write(reg.driverFeatures, high);
      driver.write(reg.status, 11);
      return (driver.read(reg.status) & 8) !== 0;
    };
    expect(settle(0, 1)).toBe(true);
    expect(settle(2 ** 29, 1)).toBe(true);
    expect(settle(0, 0)).toBe(true);
    expect(settle(0, 2)).toBe(false);
    expect(settle(1, 1)).toBe(false);
    driver.write(reg.status, 15);
    expect(driver.read(reg.status) & 4).toBe(0);
  });

  it('keeps features fixed once they are settled', () => {
    const driver = rng();
    driver.start();
    driver.write(reg.driverFeaturesSel, 1);
    driver.write(reg.driverFeatures, 0);
    expect(driver.state.driverFeatures[1]).toBe(1);
  });

  it('takes nothing from a queue before DRIVER_OK', () => {
    const driver = rng();
    driver.start();
    driver.write(reg.status, 11);
    driver.send(0, [{ in: 8 }]);
    driver.notify(0);
    expect(driver.used(0)).toEqual([]);
  });

  it('interrupts for used buffers until acknowledged', () => {
    const driver = rng();
    driver.start();
    driver.send(0, [{ in: 8 }]);
    driver.notify(0);
    expect(driver.bus.interrupt).toBe(true);
    expect(driver.acknowledge()).toBe(1);
    expect(driver.bus.interrupt).toBe(false);
  });

  it('does not interrupt when the driver has said so', () => {
    const driver = rng();
    driver.start();
    driver.bus.view.setUint16(driver.at(driver.availableRing(0)), 1, true);
    driver.send(0, [{ in: 8 }]);
    driver.notify(0);
    expect(driver.used(0).length).toBe(1);
    expect(driver.bus.interrupt).toBe(false);
  });

  it('interrupts at the used event with EVENT_IDX, and asks for the next notification', () => {
    const driver = rng();
    driver.start([VERSION_1, EVENT_IDX]);
    const usedEvent = driver.at(driver.availableRing(0)) + 4 + 2 * driver.queueSize;
    driver.bus.view.setUint16(usedEvent, 1, true);
    driver.send(0, [{ in: 1 }]);
    driver.notify(0);
    expect(driver.bus.interrupt).toBe(false);
    driver.send(0, [{ in: 1 }]);
    driver.notify(0);
    expect(driver.bus.interrupt).toBe(true);
    const availEvent = driver.at(driver.usedRing(0)) + 4 + 8 * driver.queueSize;
    expect(driver.bus.view.getUint16(availEvent, true)).toBe(2);
  });

  it('serves direct, indirect and mixed chains', () => {
    const driver = rng();
    driver.start();
    driver.send(0, [{ in: 3 }, { in: 5 }]);
    driver.send(0, [{ in: 3 }, { in: 5 }, { in: 7 }], true);
    const table = driver.allocate(16);
    driver.describe(table, 0, driver.allocate(6), 6, 2, 0);
    driver.describe(driver.descriptorTable(0), 6, driver.allocate(4), 4, 1 | 2, 7);
    driver.describe(driver.descriptorTable(0), 7, table, 16, 4, 0);
    driver.offer(0, 6);
    driver.notify(0);
    expect(driver.used(0).map(({ length }) => length)).toEqual([8, 15, 10]);
  });

  it('goes round its rings and indices for ever', () => {
    const driver = rng();
    driver.queueSize = 2;
    driver.start();
    for (let i = 0; i < 70_000; i++) {
      if (i === 65_534) expect(driver.used(0).length).toBe(0);
      driver.offer(0, 0);
      driver.describe(driver.descriptorTable(0), 0, ramBase + 0x9_0000, 1, 2, 0);
      driver.notify(0);
      if (driver.used(0).length !== 1) throw new Error(`entry ${i} was not returned`);
    }
    expect(driver.needsReset).toBe(false);
  });

  it('forgets everything on reset and can be started again', () => {
    const driver = rng();
    driver.start();
    driver.send(0, [{ in: 8 }]);
    driver.notify(0);
    driver.write(reg.status, 0);
    expect([driver.read(reg.status), driver.read(reg.interruptStatus), driver.bus.interrupt]).toEqual([0, 0, false]);
    driver.write(reg.queueSel, 0);
    expect(driver.read(reg.queueReady)).toBe(0);
    driver.start();
    driver.send(0, [{ in: 8 }]);
    driver.notify(0);
    expect(driver.used(0)).toEqual([{ head: 0, length: 8 }]);
  });

  it('refuses impossible queue layouts and asks for a reset', () => {
    for (const [register, value] of [
      [reg.queueNum, 3],
      [reg.queueNum, 0],
      [reg.queueNum, 1 << 20],
      [reg.queueDesc, ramBase + 8],
      [reg.queueDriver, ramBase + 1],
      [reg.queueDevice, ramBase + 2],
    ] as const) {
      const driver = rng();
      driver.start();
      driver.write(reg.queueSel, 0);
      driver.write(reg.queueReady, 0);
      driver.write(register, value);
      driver.write(reg.queueReady, 1);
      expect([driver.needsReset, driver.read(reg.queueReady)]).toEqual([true, 0]);
    }
  });

  it('ignores narrow and misplaced register accesses', () => {
    const driver = rng();
    expect(driver.read(0, 1)).toBe(0);
    expect(driver.read(2, 2)).toBe(0);
    driver.write(reg.status, 3, 1);
    expect(driver.read(reg.status)).toBe(0);
    expect(driver.read(0xffc)).toBe(0);
  });
});
