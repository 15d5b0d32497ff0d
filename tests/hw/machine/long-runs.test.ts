// Limits beyond what fits into 32 bits, and none at all.

import { expect, it } from 'vitest';
import type { DeviceModel } from '../../../hw/device.ts';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench } from './bench.ts';

const engines: [string, MachineConfig['translator']][] = [
  ['interpreted', false],
  ['translated', { threshold: 50 }],
];
const beyond = 2 ** 32;

/** Counts to 300,000, sleeps until the clock is beyond 2^32 cycles, counts again, and sleeps for ever. */
const source = `
  li t0, 0x2004000
  slli t1, a0, 3
  add t0, t0, t1
  li t1, ${Math.ceil(beyond / 100) + 100}
  sd t1, (t0)
  li t1, 0x80
  csrw mie, t1
  li a1, 0
again:
  li t2, 300000
1: addi a1, a1, 1
  addi t2, t2, -1
  bnez t2, 1b
  li t1, -1
  wfi
  sd t1, (t0)
  j again
`;

it.each(engines)('a hart that is %s runs every cycle that it says, however far the limit', (_how, translator) => {
  for (const [harts, lookaheadNs] of [
    [1, 50_000],
    [1, 2 * beyond],
    [2, 2 * beyond],
  ] as const) {
    const bench = new Bench(source, { harts, lookaheadNs, translator });
    expect(bench.machine.run(4 * beyond)).toBe('idle');
    for (const hart of bench.machine.harts) {
      expect(bench.x('a1', hart.id)).toBe(600_000n);
      expect(bench.machine.instructionsOf(hart)).toBeLessThan(2_000_000);
      expect(bench.machine.instructionsOf(hart)).toBeGreaterThan(1_800_000);
      expect(bench.machine.cycles(hart)).toBeGreaterThan(beyond);
    }
  }
});

/** Stops the machine when it is written to. */
const brake: DeviceModel<{ stop: () => void }> = {
  name: 'brake',
  size: 0x1000,
  read: () => 0,
  write: ({ stop }) => stop(),
  reset: () => {},
};

it.each(engines)('a hart that is %s stops in a run without a limit', (_how, translator) => {
  const bench = new Bench(
    `
  li t0, 1000000
1: addi a1, a1, 1
  bne a1, t0, 1b
  li t0, 0x10000000
  sw a1, (t0)
1: j 1b
`,
    { translator },
  );
  bench.machine.attach('brake', 0x1000_0000, brake, { stop: () => bench.machine.stop() });
  expect(bench.machine.run(Infinity)).toBe('stopped');
  expect(bench.x('a1')).toBe(1_000_000n);
  const [hart] = bench.machine.harts;
  expect(bench.machine.cycles(hart!)).toBe(bench.machine.instructionsOf(hart!));
  expect(bench.machine.instructionsOf(hart!)).toBeLessThan(2_000_010);
});

it('an engine refuses more cycles than it runs at once', () => {
  const { engine, harts } = new Bench(source).machine;
  for (const budget of [beyond + 1000, Infinity, Number.NaN])
    expect(() => engine.run(harts[0]!, budget)).toThrow(RangeError);
});
