import { describe, expect, it } from 'vitest';
import { netState, setLink, virtioNet } from '../../../vdev/virtio/net.ts';
import { Driver, reg, VERSION_1 } from './driver.ts';

const features = [VERSION_1, 3, 5, 16];
const header = new Uint8Array(12);

function machine() {
  const driver = new Driver(virtioNet, netState([2, 0, 0, 0, 0, 9]));
  driver.start(features);
  return driver;
}

function frame(length: number, fill: number): Uint8Array {
  return new Uint8Array(length).fill(fill);
}

describe('virtio network device', () => {
  it('shows its address, link and MTU', () => {
    const driver = machine();
    expect([0, 1, 2, 3, 4, 5].map((i) => driver.read(reg.config + i, 1))).toEqual([2, 0, 0, 0, 0, 9]);
    expect([driver.read(reg.config + 6, 2), driver.read(reg.config + 10, 2)]).toEqual([1, 1500]);
  });

  it('emits frames without their header, in order', () => {
    const driver = machine();
    driver.send(1, [{ out: header }, { out: frame(60, 1) }]);
    driver.send(1, [{ out: Uint8Array.of(...header, ...frame(61, 2)) }]);
    driver.notify(1);
    expect(driver.bus.emitted.map(({ bytes }) => [bytes.length, bytes[0]])).toEqual([
      [60, 1],
      [61, 2],
    ]);
    expect(driver.used(1).length).toBe(2);
  });

  it('delivers a frame behind a header of one buffer', () => {
    const driver = machine();
    const { addresses } = driver.send(0, [{ in: 12 }, { in: 1514 }]);
    expect(driver.input(frame(64, 7))).toBe(64);
    expect(driver.bytes(addresses[0]!, 12)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(driver.bytes(addresses[1]!, 65)).toEqual([...frame(64, 7), 0]);
    expect(driver.used(0)).toEqual([{ head: 0, length: 76 }]);
  });

  it('takes no frame without a buffer, and none that is too long', () => {
    const driver = machine();
    expect(driver.input(frame(64, 7))).toBe(0);
    driver.send(0, [{ in: 4096 }]);
    expect(driver.input(frame(1519, 7))).toBe(0);
    expect(driver.input(frame(1518, 7))).toBe(1518);
  });

  it('drops frames that exceed the MTU and counts them', () => {
    const driver = machine();
    driver.send(1, [{ out: header }, { out: frame(1519, 1) }]);
    driver.notify(1);
    expect([driver.bus.emitted.length, driver.state.device.dropped, driver.used(1).length]).toEqual([0, 1, 1]);
  });

  it('needs a reset after a frame without header or a receive buffer too small', () => {
    const short = machine();
    short.send(1, [{ out: frame(11, 0) }]);
    short.notify(1);
    expect(short.needsReset).toBe(true);
    const small = machine();
    small.send(0, [{ in: 20 }]);
    expect(small.input(frame(64, 0))).toBe(0);
    expect(small.needsReset).toBe(true);
  });

  it('reports an unplugged cable and carries nothing over it', () => {
    const driver = machine();
    setLink(driver.state, driver.bus, false);
    expect(driver.acknowledge()).toBe(2);
    expect(driver.read(reg.config + 6, 2)).toBe(0);
    driver.send(0, [{ in: 4096 }]);
    driver.send(1, [{ out: header }, { out: frame(60, 1) }]);
    driver.notify(1);
    expect([driver.input(frame(60, 1)), driver.bus.emitted.length, driver.used(1).length]).toEqual([0, 0, 1]);
  });
});
