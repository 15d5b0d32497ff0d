// A hart that is alone runs on through quanta in which nothing is due. What it does, and when, is as if it stopped at each.

import { expect, it } from 'vitest';
import type { DeviceModel } from '../../../hw/device.ts';
import { Bench } from './bench.ts';

/** Writes down when it was written to and woken; a write makes it wake so many nanoseconds later. */
const alarm: DeviceModel<{ log: number[] }> = {
  name: 'alarm',
  size: 0x1000,
  read: ({ log }) => log.length,
  write({ log }, bus, _offset, _size, value) {
    log.push(bus.nowNs());
    bus.wakeAt(bus.nowNs() + value);
  },
  input({ log }, bus, _port, bytes) {
    log.push(-bus.nowNs());
    return bytes.length;
  },
  tick({ log }, bus) {
    log.push(bus.nowNs() + 0.5);
    bus.writeMemory(0x8000_8000, Uint8Array.of(log.length));
  },
  reset: () => {},
};

/** Sets the alarm to a time that grows, sooner and later than the quantum's end, and counts how often it sees what the alarm wrote. */
const source = `
  li s0, 0x10000000
  li s1, 0x80008000
  li s2, 50
again:
  sw s2, (s0)
  addi s2, s2, 611
  li t0, 400
1: lbu t1, (s1)
  add s3, s3, t1
  addi t0, t0, -1
  bnez t0, 1b
  j again
`;
/** Runs through a few parts, with input after each. */
function outcome(advance: (bench: Bench, until: number) => void): unknown {
  const bench = new Bench(source, { lookaheadNs: 700 });
  const { state } = bench.machine.attach('alarm', 0x1000_0000, alarm, { log: [] as number[] });
  const nows: number[] = [];
  for (const until of [5000, 9000, 20_001, 33_333, 47_000, 60_000]) {
    advance(bench, until);
    nows.push(bench.machine.now);
    bench.machine.input('alarm', 0, Uint8Array.of(1));
  }
  expect(state.log.length).toBeGreaterThan(40);
  return { state: bench.state(), log: state.log, nows };
}

it('a hart that is alone does the same at the same time, however far it runs at once', () => {
  const uncut = outcome((bench, until) => bench.run(until));
  for (const slice of [1, 37, 700, 5003]) {
    const cut = outcome((bench, until) => {
      for (let at = bench.machine.now; at < until; at += slice) bench.run(Math.min(at, until));
      bench.run(until);
    });
    expect(cut).toEqual(uncut);
  }
  const observed = outcome((bench, until) => {
    bench.machine.onInstruction = { before: () => {}, after: () => {} };
    bench.run(until);
  });
  expect(observed).toEqual(uncut);
});
