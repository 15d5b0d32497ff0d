import { describe, expect, it } from 'vitest';
import { goldfishRtc, goldfishRtcState } from '../../vdev/goldfish-rtc.ts';
import { mockBus } from './mock-bus.ts';

const epoch = 1_700_000_000;

function machine() {
  const bus = mockBus();
  const state = goldfishRtcState(epoch);
  const read = (offset: number) => goldfishRtc.read(state, bus, offset, 4);
  const write = (offset: number, value: number) => goldfishRtc.write(state, bus, offset, 4, value);
  const time = () => {
    const low = read(0);
    return (BigInt(read(4)) << 32n) | BigInt(low);
  };
  const setAlarm = (at: bigint) => {
    write(0x0c, Number(at >> 32n));
    write(0x08, Number(at & 0xffffffffn));
  };
  return { bus, state, read, write, time, setAlarm };
}

const start = BigInt(epoch) * 1_000_000_000n;

describe('goldfish RTC', () => {
  it('counts nanoseconds from the configured epoch', () => {
    const { bus, time } = machine();
    expect(time()).toBe(start);
    bus.now = 12_345.75;
    expect(time()).toBe(start + 12_345n);
  });

  it('latches the high half when the low half is read', () => {
    const { bus, read } = machine();
    bus.now = Number(((start >> 32n) + 1n) * (1n << 32n) - start) - 1;
    const high = Number((start + BigInt(bus.now)) >> 32n);
    expect(read(0)).toBe(0xffff_ffff);
    bus.now += 1;
    expect(read(4)).toBe(high);
    expect(read(0)).toBe(0);
    expect(read(4)).toBe(high + 1);
  });

  it('raises its interrupt when the alarm comes, until it is cleared', () => {
    const { bus, state, read, write, setAlarm } = machine();
    bus.now = 1000;
    write(0x10, 1);
    setAlarm(start + 5000n);
    expect(bus.wakeTime).toBe(5000);
    expect(read(0x18)).toBe(1);
    expect(bus.interrupt).toBe(false);
    bus.now = 5000;
    goldfishRtc.tick!(state, bus);
    expect([bus.interrupt, read(0x18)]).toEqual([true, 0]);
    write(0x1c, 1);
    expect(bus.interrupt).toBe(false);
  });

  it('fires an alarm in the past at once', () => {
    const { bus, write, setAlarm } = machine();
    write(0x10, 1);
    setAlarm(start - 1n);
    expect(bus.interrupt).toBe(true);
  });

  it('forgets a cleared alarm', () => {
    const { bus, read, write, setAlarm } = machine();
    setAlarm(start + 10n);
    write(0x14, 1);
    expect([bus.wakeTime, read(0x18)]).toEqual([Infinity, 0]);
  });

  it('keeps the interrupt pending while it is disabled', () => {
    const { bus, write, setAlarm } = machine();
    setAlarm(0n);
    expect(bus.interrupt).toBe(false);
    write(0x10, 1);
    expect(bus.interrupt).toBe(true);
  });

  it('can be set, and an armed alarm follows the new time', () => {
    const { bus, write, time, setAlarm } = machine();
    write(0x04, 0);
    setAlarm(2n ** 33n);
    write(0x00, 500);
    expect(time()).toBe(500n);
    expect(bus.wakeTime).toBe(2 ** 33 - 500);
    bus.now = 7;
    expect(time()).toBe(507n);
  });

  it('keeps its epoch through a reset', () => {
    const { bus, state, write, time } = machine();
    write(0x00, 1);
    goldfishRtc.reset(state, bus);
    expect(time()).toBe(start);
  });
});
