// How long a machine will do nothing: what a host that paces it may sleep.

import { expect, it } from 'vitest';
import { Bench } from './bench.ts';

/** Hart 0 sleeps until a timer interrupt after 2 ms of 1 GHz; hart 1 works for a while, then sleeps for ever. */
const sleepers = `
  bnez a0, other
  li t0, 0x80
  csrw mie, t0
  li t0, 0x02004000
  li t1, 20000
  sd t1, (t0)
1: wfi
  j 1b
other:
  li t0, 100000
1: addi t0, t0, -1
  bnez t0, 1b
2: wfi
  j 2b
`;

it('a machine whose harts all sleep is quiet until the next of their timers', () => {
  const bench = new Bench(sleepers, { harts: 2 });
  bench.run(100_000);
  expect(bench.machine.quietUntil).toBe(bench.machine.now);
  bench.run(1_000_000);
  expect(bench.machine.quietUntil).toBe(2_000_000);
  expect(bench.machine.now).toBeLessThanOrEqual(1_050_000);
  bench.run(1_999_999);
  expect(bench.machine.quietUntil).toBe(2_000_000);
});

it('a machine that nothing can wake is quiet for ever', () => {
  const bench = new Bench('1: wfi\n j 1b').run(1_000_000);
  expect(bench.machine.quietUntil).toBe(Infinity);
});
