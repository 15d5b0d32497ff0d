import { describe, expect, it } from 'vitest';
import { aclint, createAclint, mtime, softwareInterrupt, timerRise } from '../../hw/aclint.ts';
import type { DeviceBus } from '../../hw/device.ts';

function bench(harts = 2) {
  const state = createAclint(harts);
  const clock = { ns: 0, wake: Infinity };
  const bus = {
    nowNs: () => clock.ns,
    wakeAt: (timeNs: number) => {
      clock.wake = timeNs;
    },
  } as DeviceBus;
  const write = (offset: number, value: number): void => aclint.write(state, bus, offset, 4, value);
  const read = (offset: number): number => aclint.read(state, bus, offset, 4);
  return { state, clock, bus, read, write };
}

describe('the ACLINT', () => {
  it('raises a software interrupt on one hart', () => {
    const { state, read, write } = bench();
    write(4, 0xffff_ffff);
    expect([read(0), read(4), read(8)]).toEqual([0, 1, 0]);
    expect([softwareInterrupt(state, 0), softwareInterrupt(state, 1)]).toEqual([false, true]);
    write(4, 0);
    expect(softwareInterrupt(state, 1)).toBe(false);
    write(8, 1);
    expect(read(8)).toBe(0);
  });

  it('counts one tick every 100 ns', () => {
    const { clock, read } = bench();
    clock.ns = 199;
    expect(read(0xbff8)).toBe(1);
    clock.ns = 100 * (2 ** 32 + 5);
    expect([read(0xbff8), read(0xbffc)]).toEqual([5, 1]);
  });

  it('raises a timer interrupt when mtime reaches mtimecmp', () => {
    const { state, clock, write } = bench();
    expect(timerRise(state, 0, 1)).toBe(Infinity);
    write(0x4008, 50);
    write(0x400c, 0);
    expect(timerRise(state, clock.ns, 1)).toBe(5000);
    clock.ns = 4900;
    expect(timerRise(state, clock.ns, 1)).toBe(5000);
    clock.ns = 5000;
    expect(timerRise(state, clock.ns, 1)).toBe(0);
    write(0x400c, 0x8000_0000);
    expect(timerRise(state, clock.ns, 1)).toBe(Infinity);
  });

  it('compares with an mtime that was set back', () => {
    const { state, clock, write } = bench();
    clock.ns = 20_000_000;
    write(0xbff8, 0);
    write(0xbffc, 0);
    write(0x4000, 100);
    write(0x4004, 0);
    expect(timerRise(state, clock.ns, 0)).toBe(20_010_000);
  });

  it('goes on from what is written to mtime', () => {
    const { state, clock, read, write } = bench();
    clock.ns = 1_000;
    write(0xbff8, 0xffff_ffff);
    write(0xbffc, 0xffff_ffff);
    expect([read(0xbff8), read(0xbffc)]).toEqual([0xffff_ffff, 0xffff_ffff]);
    clock.ns = 1_300;
    expect(mtime(state, clock.ns)).toBe(2n);
  });

  it('answers every word of its window, and is plain data', () => {
    const { state, bus, read, write } = bench();
    for (let offset = 0; offset < aclint.size; offset += 4) {
      write(offset, 0x8765_4321);
      const value = read(offset);
      if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new Error(`${offset}: ${value}`);
    }
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    aclint.reset(state, bus);
    expect([read(0), read(0x4000), read(0xbff8)]).toEqual([0, 0xffff_ffff, 0]);
    expect(aclint.read(state, bus, 0x4000, 2)).toBe(0);
  });
});
