import { describe, expect, it } from 'vitest';
import type { DeviceModel } from '../../../hw/device.ts';
import { Bench } from './bench.ts';

interface Log {
  accesses: string[];
}
/** Writes down what reaches it; a register reads as its offset in every byte. */
const recorder: DeviceModel<Log> = {
  name: 'recorder',
  size: 0x100,
  read: ({ accesses }, _bus, offset, size) => {
    accesses.push(`read ${size} at ${offset}`);
    return Number(BigInt.asUintN(8 * size, 0x8182_8384n));
  },
  write: ({ accesses }, _bus, offset, size, value) => {
    accesses.push(`write ${size} at ${offset}: ${value.toString(16)}`);
  },
  reset: () => {},
};

function run(source: string): { bench: Bench; accesses: string[] } {
  const bench = new Bench(`
    la t0, machine
    csrw mtvec, t0
    li s0, 0x10000000
    ${source}
    j .
  machine:
    csrr a4, mcause
    csrr a5, mtval
    j .
  `);
  const { state } = bench.machine.attach('recorder', 0x1000_0000, recorder, { accesses: [] as string[] });
  bench.run(100);
  return { bench, accesses: state.accesses };
}

describe('a device', () => {
  it('is read in the width of the load, extended as the load says', () => {
    const { bench, accesses } = run('lb a0, 1(s0)\n lbu a1, 3(s0)\n lh a2, 2(s0)\n lw a3, 4(s0)');
    expect(accesses).toEqual(['read 1 at 1', 'read 1 at 3', 'read 2 at 2', 'read 4 at 4']);
    expect([bench.x('a0'), bench.x('a1'), bench.x('a2'), bench.x('a3')]).toEqual([
      -0x7cn,
      0x84n,
      BigInt.asIntN(16, 0x8384n),
      BigInt.asIntN(32, 0x8182_8384n),
    ]);
  });

  it('is written in the width of the store, and sees nothing of the rest of the register', () => {
    const { accesses } = run('li t1, 0x1122334455667788\n sb t1, 5(s0)\n sh t1, 6(s0)\n sw t1, 8(s0)');
    expect(accesses).toEqual(['write 1 at 5: 88', 'write 2 at 6: 7788', 'write 4 at 8: 55667788']);
  });

  it('sees a doubleword as two words, the low one first', () => {
    const { bench, accesses } = run('li t1, 0x1122334455667788\n sd t1, 16(s0)\n ld a0, 24(s0)');
    expect(accesses).toEqual(['write 4 at 16: 55667788', 'write 4 at 20: 11223344', 'read 4 at 24', 'read 4 at 28']);
    expect(BigInt.asUintN(64, bench.x('a0'))).toBe(0x8182_8384_8182_8384n);
  });

  it.each([
    ['lw a0, 2(s0)', 5n, 2n],
    ['ld a0, 4(s0)', 5n, 4n],
    ['sh a0, 1(s0)', 7n, 1n],
    ['lw a0, 0x100(s0)', 5n, 0x100n],
    ['lr.w a0, (s0)', 5n, 0n],
    ['amoadd.w a0, a1, (s0)', 7n, 0n],
    ['jr s0', 1n, 0n],
  ])('answers %s with an access fault, untouched', (instruction, cause, offset) => {
    const { bench, accesses } = run(instruction);
    expect(accesses).toEqual([]);
    expect([bench.x('a4'), bench.x('a5')]).toEqual([cause, 0x1000_0000n + offset]);
  });

  it.each([
    ['lw a0, -2(s1)', 5n, -2n],
    ['sd a0, -4(s1)', 7n, -4n],
    ['ld a0, -1(s2)', 5n, 0n],
    ['sw a0, -3(s2)', 7n, 0n],
  ])('takes no part of an access that begins or ends in memory: %s', (access, cause, offset) => {
    const bench = new Bench(
      `
      la t0, machine
      csrw mtvec, t0
      li s1, 0x80000000
      li s2, 0x80010000
      ${access}
    machine:
      csrr a4, mcause
      csrr a5, mtval
      j .
    `,
      { ramSize: 0x1_0000 },
    );
    const log: Log = { accesses: [] };
    for (const base of [0x7fff_ff00, 0x8001_0000]) bench.machine.attach(`at ${base}`, base, recorder, log);
    const before = bench.machine.readMemory(0x8000_0000, 0x1_0000);
    bench.run(100);
    expect(log.accesses).toEqual([]);
    expect([bench.x('a4'), bench.x('a5')]).toEqual([cause, (offset < 0n ? 0x8000_0000n : 0x8001_0000n) + offset]);
    expect(bench.machine.readMemory(0x8000_0000, 0x1_0000)).toEqual(before);
  });

  it('cannot be put where another one is', () => {
    const { bench } = run('nop');
    expect(() => bench.machine.attach('second', 0x1000_0080, recorder, { accesses: [] })).toThrow(RangeError);
  });
});

describe('a watched page', () => {
  it('reports every store with its address and size, after it has happened', () => {
    const bench = new Bench(`
      li s0, 0x80002000
      li t0, 5
    loop:
      sd t0, 8(s0)
      sb t0, 3(s0)
      amoswap.w t1, t0, (s0)
      addi t0, t0, -1
      bnez t0, loop
      addi s1, s0, 0x7fe
      sd t0, 0x7fe(s1)
      lw t1, (s0)
      j .
    `);
    const { machine } = bench;
    const seen: string[] = [];
    machine.bus.onWatched = (address, size) => {
      seen.push(`${(address - 0x8000_2000).toString(16)}/${size}`);
      if (size === 8) expect(bench.memory(0x8000_2008n)).toBe(bench.x('t0'));
    };
    machine.engine.watch(0x8000_2010);
    bench.run(200);
    // A store across the boundary is reported byte by byte.
    const across = ['ffc/1', 'ffd/1', 'ffe/1', 'fff/1'];
    expect(seen).toEqual([...new Array(5).fill(['8/8', '3/1', '0/4']).flat(), ...across]);
  });

  it('sees nothing of a store that goes on where there is no memory, and the machine stops where it is told to', () => {
    const bench = new Bench(
      `
      la t0, machine
      csrw mtvec, t0
      li s0, 0x8000fffc
      li t0, -1
    again:
      sd t0, (s0)
      .balign 4
    machine:
      addi s1, s1, 1
      sw t0, (s0)
      j again
    `,
      { ramSize: 0x1_0000 },
    );
    const { machine } = bench;
    const seen: number[] = [];
    machine.bus.onWatched = (_address, size) => {
      seen.push(size);
      machine.stop();
    };
    machine.engine.watch(0x8000_f000);
    machine.run(1_000);
    expect([seen, bench.x('s1')]).toEqual([[4], 1n]);
    machine.run(1_000);
    expect([seen, bench.x('s1')]).toEqual([[4, 4], 2n]);
  });

  it('sees what atomics have stored, when they have, and at what time', () => {
    const program = (atomics: string): Bench => new Bench(`li s0, 0x80002000\n li t0, 5\n ${atomics}\n j .`);
    const seenBy = (bench: Bench): string[] => {
      const { machine } = bench;
      const seen: string[] = [];
      machine.bus.onWatched = (address, size) => {
        seen.push(`${bench.memory(BigInt(address), size)}/${size} at ${machine.now}`);
      };
      machine.engine.watch(0x8000_2000);
      bench.run(50);
      return seen;
    };
    const amo = program('amoswap.d t1, t0, (s0)\n amoadd.w t1, t0, (s0)');
    expect(seenBy(amo)).toEqual(['5/8 at 5', '10/4 at 6']);
    expect(amo.x('t1')).toBe(5n);
    const plain = program('sd t0, (s0)\n sw t0, (s0)');
    expect(seenBy(plain)).toEqual(['5/8 at 5', '5/4 at 6']);
    const conditional = program('sc.d t1, t0, (s0)\n lr.d t2, (s0)\n sc.d t2, t0, (s0)\n sc.d t3, s0, (s0)');
    expect(seenBy(conditional)).toEqual(['5/8 at 7']);
    expect([conditional.x('t1'), conditional.x('t2'), conditional.x('t3')]).toEqual([1n, 0n, 1n]);
  });

  it('is noticed though a store to it was cached before', () => {
    const bench = new Bench('li s0, 0x80002000\n loop: sd s1, (s0)\n addi s1, s1, 1\n j loop');
    let seen = 0;
    bench.machine.bus.onWatched = () => void seen++;
    bench.run(101);
    bench.machine.engine.watch(0x8000_2000);
    bench.run(401);
    expect(seen).toBe(100);
  });
});
