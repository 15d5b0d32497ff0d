import { describe, expect, it } from 'vitest';
import type { DeviceModel } from '../../../hw/device.ts';
import type { InputEvent } from '../../../hw/machine/devices.ts';
import type { Machine } from '../../../hw/machine/machine.ts';
import { Bench } from './bench.ts';

/** Holds a few bytes at a register; the program takes them one by one. */
const mailbox: DeviceModel<{ held: number[] }> = {
  name: 'mailbox',
  size: 0x1000,
  read: (state) => state.held.shift() ?? 0,
  write: () => {},
  input(state, _bus, _port, bytes) {
    const taken = Math.min(bytes.length, 2 - state.held.length);
    state.held.push(...bytes.slice(0, taken));
    return taken;
  },
  reset: () => {},
};

/** Sums what it reads, each byte weighted by when it came. */
const reader = `
  li s0, 0x10000000
1: lw t0, 0(s0)
  beqz t0, 2f
  slli s1, s1, 8
  or s1, s1, t0
2: addi s2, s2, 1
  add a1, a1, t0
  j 1b
`;

function bench(source = reader): Bench {
  const made = new Bench(source);
  made.machine.attach('mailbox', 0x1000_0000, mailbox, { held: [] });
  return made;
}

/** Everything that comes in from now on. */
function logOf({ devices }: Machine): InputEvent[] {
  const log: InputEvent[] = [];
  devices.onInput = (event) => log.push(event);
  return log;
}

describe('input from outside', () => {
  it('arrives in the order in which it was given, however little the device takes at a time', () => {
    const { machine } = bench();
    const log = logOf(machine);
    machine.input('mailbox', 0, Uint8Array.of(1, 2, 3));
    machine.input('mailbox', 0, Uint8Array.of(4, 5));
    machine.run(1_000_000);
    expect(machine.harts[0]!.context.x(9)).toBe(0x0102030405n);
    expect(log.map(({ bytes }) => bytes).join('')).toBe('\u0001\u0002\u0003\u0004\u0005');
  });

  it('arrives at the same time, wherever runs end meanwhile', () => {
    const ends = [[], [160_000], [199_999, 200_000]];
    const [first, ...others] = ends.map((pauses) => {
      const made = bench('1: addi s2, s2, 1\nj 1b').run(150_000);
      made.machine.input('mailbox', 0, Uint8Array.of(7));
      for (const pause of pauses) made.run(pause);
      return made.run(500_000).state();
    });
    for (const other of others) expect(other).toEqual(first);
  });

  it('is the whole difference between two runs: replaying the log gives the same execution', () => {
    const first = bench();
    const log = logOf(first.machine);
    for (let at = 100_000; at <= 900_000; at += 100_000) {
      first.run(at - 7);
      first.machine.input('mailbox', 0, Uint8Array.of(at / 100_000));
    }
    first.run(2_000_000);
    const second = bench();
    second.machine.devices.replay(JSON.parse(JSON.stringify(log)));
    second.run(2_000_000);
    expect(second.state()).toEqual(first.state());
    const without = bench().run(2_000_000);
    expect(without.machine.hash.value).not.toBe(first.machine.hash.value);
  });
});

describe('an interrupt line', () => {
  it('keeps its newest level, when an older change is still on its way to another hart', () => {
    // Hart 0 lowers the line of hart 1 shortly before the end of a quantum; the device raises it again between quanta.
    const source = `
      bnez a0, idle
      li s0, 0x10000000
      li t1, 300
  1:  addi t1, t1, -1
      bnez t1, 1b
      sw zero, 0(s0)
  idle:
      wfi
      j idle
    `;
    const made = new Bench(source, { harts: 2, lookaheadNs: 1000 });
    const { machine } = made;
    const line = 1 << 11;
    const raise = (raised: boolean): void => machine.setLines(machine.harts[1]!, line, raised);
    machine.attach(
      'button',
      0x1000_0000,
      {
        name: 'button',
        size: 0x1000,
        read: () => 0,
        write: (_state, bus) => {
          raise(false);
          bus.wakeAt(bus.nowNs() + 1);
        },
        tick: () => raise(true),
        reset: () => {},
      },
      {},
    );
    raise(true);
    machine.run(10_000);
    expect(machine.harts[1]!.lines & line).toBe(line);
  });
});
