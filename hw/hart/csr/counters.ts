// Counters and timers: cycle, time, instret, hardware performance counters that count nothing, and Sstc's comparisons.

import { csrAt, context as fields } from '../../engine/layout.ts';
import { exceptions } from '../causes.ts';
import { counters, envcfg, privileges } from '../fields.ts';
import type { Hart } from '../hart.ts';
import { type Csr, constant, counterEnableWritable, effects, stored } from './csr.ts';

const { illegalInstruction, virtualInstruction } = exceptions;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Whether mcounteren, hcounteren and scounteren let the current mode read a counter. */
function counterGuard(counter: number): (hart: Hart) => number {
  const bit = 1 << counter;
  return ({ context }) => {
    const privilege = context.low(fields.privilege);
    if (privilege === privileges.m) return 0;
    if (!(context.low(csrAt.mcounteren) & bit)) return illegalInstruction;
    const virtual = context.low(fields.virtual) !== 0;
    if (virtual && !(context.low(csrAt.hcounteren) & bit)) return virtualInstruction;
    if (privilege === privileges.u && !(context.low(csrAt.scounteren) & bit)) {
      return virtual ? virtualInstruction : illegalInstruction;
    }
    return 0;
  };
}

type OffsetSlot = 'cycleOffset' | 'instretOffset';
const inhibitBit = { cycleOffset: counters.cy, instretOffset: counters.ir } as const;
const countOf = (hart: Hart, slot: OffsetSlot): bigint =>
  slot === 'cycleOffset' ? hart.port.cycles() : hart.port.instret();

/** The slot holds what to add to the hart's count, or, while the counter is inhibited, the counter itself. */
function readCounter(hart: Hart, slot: OffsetSlot): bigint {
  const base = hart.context.word(csrAt[slot]);
  const inhibited = hart.context.low(csrAt.mcountinhibit) & inhibitBit[slot];
  return inhibited ? base : u64(countOf(hart, slot) + base);
}

/** The instruction after the write reads what was written: the writing instruction itself isn't counted. */
function writeCounter(hart: Hart, slot: OffsetSlot, value: bigint): number {
  const inhibited = hart.context.low(csrAt.mcountinhibit) & inhibitBit[slot];
  hart.context.setWord(csrAt[slot], inhibited ? value : u64(value - countOf(hart, slot) - 1n));
  return effects.none;
}

const mcountinhibit: Csr = {
  name: 'mcountinhibit',
  read: ({ context }) => BigInt(context.low(csrAt.mcountinhibit)),
  write: (hart, value) => {
    const { context } = hart;
    const old = context.low(csrAt.mcountinhibit);
    const next = Number(value & BigInt(counters.cy | counters.ir));
    for (const slot of ['cycleOffset', 'instretOffset'] as const) {
      const bit = inhibitBit[slot];
      const counted = countOf(hart, slot) + 1n;
      const base = context.word(csrAt[slot]);
      if (next & ~old & bit) context.setWord(csrAt[slot], u64(base + counted));
      if (old & ~next & bit) context.setWord(csrAt[slot], u64(base - counted));
    }
    context.setLow(csrAt.mcountinhibit, next);
    return effects.none;
  },
};

/** Sstc: below M-mode both comparisons need mcounteren.TM and menvcfg.STCE. */
function timerGuard({ context }: Hart): number {
  if (context.low(fields.privilege) === privileges.m) return 0;
  const allowed = context.low(csrAt.mcounteren) & counters.tm && context.high(csrAt.menvcfg) & envcfg.stceHigh;
  return allowed ? 0 : illegalInstruction;
}

/** Sstc: a guest's stimecmp, which is vstimecmp, needs hcounteren.TM and henvcfg.STCE as well. */
function guestTimerGuard(hart: Hart): number {
  const { context } = hart;
  const fault = timerGuard(hart);
  if (fault !== 0 || !context.low(fields.virtual)) return fault;
  const allowed = context.low(csrAt.hcounteren) & counters.tm && context.high(csrAt.henvcfg) & envcfg.stceHigh;
  return allowed ? 0 : virtualInstruction;
}

const timerEffects = effects.timer | effects.interrupts;
const vstimecmp = stored('vstimecmp', { effects: timerEffects, guard: timerGuard });

const table: Record<number, Csr> = {
  2816: {
    name: 'mcycle',
    read: (hart) => readCounter(hart, 'cycleOffset'),
    write: (hart, value) => writeCounter(hart, 'cycleOffset', value),
    direct: { kind: 'cycle', counter: 0 },
  },
  2818: {
    name: 'minstret',
    read: (hart) => readCounter(hart, 'instretOffset'),
    write: (hart, value) => writeCounter(hart, 'instretOffset', value),
    direct: { kind: 'instret', counter: 0 },
  },
  3072: {
    name: 'cycle',
    read: (hart) => readCounter(hart, 'cycleOffset'),
    guard: counterGuard(0),
    direct: { kind: 'cycle', counter: counters.cy },
  },
  3073: {
    name: 'time',
    read: (hart) => {
      const time = hart.port.time();
      return hart.context.low(fields.virtual) ? u64(time + hart.context.word(csrAt.htimedelta)) : time;
    },
    guard: counterGuard(1),
    direct: { kind: 'time', counter: counters.tm },
  },
  3074: {
    name: 'instret',
    read: (hart) => readCounter(hart, 'instretOffset'),
    guard: counterGuard(2),
    direct: { kind: 'instret', counter: counters.ir },
  },
  800: mcountinhibit,
  774: stored('mcounteren', { writable: counterEnableWritable }),
  262: stored('scounteren', { writable: counterEnableWritable }),
  1542: stored('hcounteren', { writable: counterEnableWritable }),
  1541: stored('htimedelta', { effects: timerEffects }),
  333: stored('stimecmp', { effects: timerEffects, guard: guestTimerGuard, guest: vstimecmp }),
  589: vstimecmp,
};
for (let counter = 3; counter < 32; counter++) {
  table[0xb00 + counter] = constant(`mhpmcounter${counter}`, 0n);
  table[0x320 + counter] = constant(`mhpmevent${counter}`, 0n);
  table[0xc00 + counter] = { ...constant(`hpmcounter${counter}`, 0n), guard: counterGuard(counter) };
}
export const counterCsrs: Readonly<Record<number, Csr>> = table;
