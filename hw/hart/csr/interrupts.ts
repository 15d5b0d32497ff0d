// mip and mie, and the windows that sip, sie, hip, hie, hvip, vsip and vsie are onto them.

import { csrAt } from '../../engine/layout.ts';
import { interruptBits as bits } from '../causes.ts';
import { envcfg } from '../fields.ts';
import type { Hart } from '../hart.ts';
import { pendingBits } from '../interrupts.ts';
import { type Csr, effects, interruptEffect, lowHalf, stored } from './csr.ts';

const enablable = bits.machine | bits.supervisor | bits.hypervisor;

/** Replaces the bits of `mask` in mie, mip or hvip. */
function replace(hart: Hart, at: number, mask: number, value: number): number {
  const old = hart.context.low(at);
  const next = (old & ~mask) | (value & mask);
  hart.context.setLow(at, next);
  return interruptEffect(old, next);
}

/** Bits of sie and sip: those that M-mode delegates. VS-level interrupts are hie's and hip's instead. */
const delegatedToSupervisor = ({ context }: Hart): number => context.low(csrAt.mideleg) & bits.supervisor;
/** Bits of vsie and vsip, at their places in hie and hip. */
const delegatedToGuest = ({ context }: Hart): number => context.low(csrAt.hideleg) & bits.virtualSupervisor;

const mie: Csr = {
  name: 'mie',
  read: ({ context }) => BigInt(context.low(csrAt.mie)),
  write: (hart, value) => replace(hart, csrAt.mie, enablable, lowHalf(value)),
};

const vsie: Csr = {
  name: 'vsie',
  read: (hart) => BigInt((hart.context.low(csrAt.mie) & delegatedToGuest(hart)) >>> 1),
  write: (hart, value) => replace(hart, csrAt.mie, delegatedToGuest(hart), lowHalf(value) << 1),
};

const sie: Csr = {
  name: 'sie',
  read: (hart) => BigInt(hart.context.low(csrAt.mie) & delegatedToSupervisor(hart)),
  write: (hart, value) => replace(hart, csrAt.mie, delegatedToSupervisor(hart), lowHalf(value)),
  guest: vsie,
};

const hie: Csr = {
  name: 'hie',
  read: ({ context }) => BigInt(context.low(csrAt.mie) & bits.hypervisor),
  write: (hart, value) => replace(hart, csrAt.mie, bits.hypervisor, lowHalf(value)),
};

const mip: Csr = {
  name: 'mip',
  read: (hart) => BigInt(pendingBits(hart)),
  // SEIP is the or of a bit that software writes and of a line; only the bit takes part in a read-modify-write.
  readToModify: (hart) => BigInt((pendingBits(hart) & ~bits.sei) | (hart.context.low(csrAt.mip) & bits.sei)),
  write: (hart, value) => {
    const timerBySoftware = hart.context.high(csrAt.menvcfg) & envcfg.stceHigh ? 0 : bits.sti;
    const next = lowHalf(value);
    return (
      replace(hart, csrAt.mip, bits.ssi | bits.sei | timerBySoftware, next) | replace(hart, csrAt.hvip, bits.vssi, next)
    );
  },
};

const vsip: Csr = {
  name: 'vsip',
  read: (hart) => BigInt(pendingBits(hart, delegatedToGuest(hart)) >>> 1),
  write: (hart, value) => replace(hart, csrAt.hvip, delegatedToGuest(hart) & bits.vssi, lowHalf(value) << 1),
};

const sip: Csr = {
  name: 'sip',
  read: (hart) => BigInt(pendingBits(hart, delegatedToSupervisor(hart))),
  write: (hart, value) => replace(hart, csrAt.mip, delegatedToSupervisor(hart) & bits.ssi, lowHalf(value)),
  guest: vsip,
};

const hip: Csr = {
  name: 'hip',
  read: (hart) => BigInt(pendingBits(hart, bits.hypervisor)),
  write: (hart, value) => replace(hart, csrAt.hvip, bits.vssi, lowHalf(value)),
};

const hvip: Csr = {
  name: 'hvip',
  read: ({ context }) => BigInt(context.low(csrAt.hvip)),
  write: (hart, value) => replace(hart, csrAt.hvip, bits.virtualSupervisor, lowHalf(value)),
};

export const interruptCsrs = {
  771: stored('mideleg', { writable: BigInt(bits.supervisor), effects: effects.interrupts }),
  772: mie,
  836: mip,
  260: sie,
  324: sip,
  1539: stored('hideleg', { writable: BigInt(bits.virtualSupervisor), effects: effects.interrupts }),
  1540: hie,
  1604: hip,
  1605: hvip,
  516: vsie,
  580: vsip,
};
