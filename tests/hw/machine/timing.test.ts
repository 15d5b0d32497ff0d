import { describe, expect, it } from 'vitest';
import type { DeviceModel } from '../../../hw/device.ts';
import { Bench } from './bench.ts';

interface Trap {
  hart: number;
  cause: number;
  cycle: number;
}

function traps(bench: Bench): Trap[] {
  const seen: Trap[] = [];
  // The cycle that the trap itself takes has passed already when it is reported.
  bench.machine.onTrap = (hart, cause) => {
    seen.push({ hart: hart.id, cause, cycle: bench.machine.cycles(hart) - 1 });
  };
  return seen;
}

/** mtimecmp of this hart becomes `tick`; `then` follows with the timer interrupt enabled. */
const timerAt = (tick: number, then: string): string => `
  la t0, machine
  csrw mtvec, t0
  li t0, 0x02004000
  li t1, ${tick}
  sd t1, (t0)
  li t0, 0x80
  csrw mie, t0
  csrsi mstatus, 8
  ${then}
machine:
  j machine
`;

describe('a timer', () => {
  // 100 cycles to a tick.
  it.each([
    ['while instructions run', 'loop: addi s0, s0, 1\n j loop'],
    ['while the hart waits', 'wfi\n j .'],
    ['in a loop of one instruction', 'j .'],
  ])('interrupts at exactly its tick %s', (_name, then) => {
    for (const tick of [1, 7, 499, 500, 501, 12_345]) {
      const bench = new Bench(timerAt(tick, then));
      const seen = traps(bench);
      bench.run(100 * tick + 1_000);
      expect(seen).toEqual([{ hart: 0, cause: 7, cycle: 100 * tick }]);
    }
  });

  it('interrupts at once when its tick has passed', () => {
    const bench = new Bench(timerAt(0, 'j .'));
    const seen = traps(bench);
    bench.run(1_000);
    expect(seen).toHaveLength(1);
    expect(seen[0]!.cycle).toBeLessThan(20);
  });

  it('of Sstc interrupts S-mode at exactly its tick', () => {
    const bench = new Bench(`
      li t0, -1
      csrw mcounteren, t0
      slli t0, t0, 63
      csrw menvcfg, t0
      li t0, 0x20
      csrw mideleg, t0
      csrw mie, t0
      li t0, 321
      csrw stimecmp, t0
      la t0, supervisor
      csrw stvec, t0
      li t0, -1
      csrw pmpaddr0, t0
      li t0, 0x1f
      csrw pmpcfg0, t0
      li t0, 0x1800
      csrc mstatus, t0
      la t0, user
      csrw mepc, t0
      mret
    user:
      j user
      .balign 4
    supervisor:
      csrr s0, scause
      j .
    `);
    const seen = traps(bench);
    bench.run(40_000);
    expect(seen).toEqual([{ hart: 0, cause: 5, cycle: 32_100 }]);
    expect(BigInt.asUintN(64, bench.x('s0'))).toBe((1n << 63n) | 5n);
  });

  it('makes the time that a waiting hart reads jump to its tick', () => {
    const bench = new Bench(`
      li t0, 0x02004000
      li t1, 1000000
      sd t1, (t0)
      li t0, 0x80
      csrw mie, t0
      wfi
      rdtime s0
    end:
      j end
    `);
    bench.run(100_000_500);
    expect(bench.x('s0')).toBe(1_000_000n);
    expect(bench.machine.instructionsOf(bench.machine.harts[0]!)).toBeLessThan(600);
  });
});

describe('a machine in which every hart waits', () => {
  it('comes to rest', () => {
    const bench = new Bench('wfi\n j .', { harts: 3 });
    expect(bench.machine.run(1e9)).toBe('idle');
    expect(bench.machine.now).toBeLessThan(1e6);
  });

  it('gets on with its clock in small steps as in large ones', () => {
    const source = timerAt(100_000, 'wfi\n j .');
    const whole = new Bench(source, { harts: 2 }).run(10_000_100).state();
    const bench = new Bench(source, { harts: 2 });
    for (let steps = 0; bench.machine.now < 10_000_000; steps++) {
      expect(steps).toBeLessThan(300);
      bench.run(Math.min(10_000_100, bench.machine.now + 70_001));
    }
    bench.run(10_000_100);
    expect(bench.state()).toEqual(whole);
  });
});

describe('an interrupt from one hart to another', () => {
  const source = `
    la t0, machine
    csrw mtvec, t0
    li t0, 8
    csrw mie, t0
    csrsi mstatus, 8
    bnez a0, waits
    li t0, 0x02000000
    li t1, 1
    li t2, DELAY
  delay:
    addi t2, t2, -1
    bnez t2, delay
    sw t1, 4(t0)
    rdcycle s0
    j .
  waits:
    PARTNER
    j waits
  machine:
    j machine
  `;
  it.each(['wfi', 'nop'])('arrives exactly the lookahead later at a partner that executes %s', (partner) => {
    for (const [delay, lookaheadNs] of [
      [1, 50_000],
      [100, 50_000],
      [100, 1_000],
      [4_997, 2_000],
      [2, 10],
    ] as const) {
      const bench = new Bench(source.replace('DELAY', `${delay}`).replace('PARTNER', partner), {
        harts: 2,
        lookaheadNs,
      });
      const seen = traps(bench);
      bench.run(200_000);
      // The store is the instruction before rdcycle.
      const sent = Number(bench.x('s0')) - 1;
      expect(seen).toEqual([{ hart: 1, cause: 3, cycle: sent + lookaheadNs }]);
    }
  });
});

describe('a device', () => {
  /** Says when it was ticked, and answers reads with the time. */
  const clocked: DeviceModel<{ at: number[]; wake: number }> = {
    name: 'clocked',
    size: 0x1000,
    read: (_state, bus) => bus.nowNs(),
    write: (_state, bus, _offset, _size, value) => bus.wakeAt(value),
    tick: (state, bus) => void state.at.push(bus.nowNs()),
    reset: () => {},
  };

  it('is ticked at the time that it asked for, whether harts run or wait', () => {
    for (const then of ['j .', 'wfi\n j .']) {
      const bench = new Bench(`li t0, 0x10000000\n li t1, 123457\n sw t1, (t0)\n ${then}`);
      const device = bench.machine.attach('clocked', 0x1000_0000, clocked, { at: [], wake: 0 });
      bench.run(1_000_000);
      expect(device.state.at).toEqual([123_457]);
    }
  });

  it('sees the time of the instruction that reads it', () => {
    const bench = new Bench('li t0, 0x10000000\n nop\n nop\n lw s0, (t0)\n lw s1, (t0)\n j .');
    bench.machine.attach('clocked', 0x1000_0000, clocked, { at: [], wake: 0 });
    bench.run(100);
    expect(bench.x('s1') - bench.x('s0')).toBe(1n);
  });
});

describe('cycle and instret', () => {
  it('count every instruction, and instret not those that trapped', () => {
    const bench = new Bench(`
      la t0, machine
      csrw mtvec, t0
      rdcycle s0
      rdinstret a1
      ecall
      rdcycle s1
      rdinstret a2
      j .
    machine:
      csrr t0, mepc
      addi t0, t0, 4
      csrw mepc, t0
      mret
    `);
    bench.run(1_000);
    // From each read to its second: itself, the other read, ecall, and a handler of four; ecall is not retired.
    expect(bench.x('s1') - bench.x('s0')).toBe(7n);
    expect(bench.x('a2') - bench.x('a1')).toBe(6n);
  });
});
