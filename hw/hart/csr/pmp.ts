// Physical memory protection: 16 entries with a granularity of 4 KiB (G = 10), so NA4 can't be selected.

import { type CsrSlot, csrAt } from '../../engine/layout.ts';
import type { Context } from '../context.ts';
import { type Csr, effects } from './csr.ts';

const entries = 16;
const cfg = { r: 1, w: 2, aShift: 3, a: 3 << 3, l: 0x80, writable: 0x9f } as const;
const modes = { off: 0, tor: 1, na4: 2, napot: 3 } as const;
const addressBits = (1n << 54n) - 1n;
/** pmpaddr[G−2:0] and pmpaddr[G−1:0]. */
const napotOnes = (1n << 9n) - 1n;
const torZeros = (1n << 10n) - 1n;

/** pmpcfg0 and pmpcfg2 lie side by side: one byte for each entry. */
const configOffset = (context: Context, entry: number): number => context.base + csrAt.pmpcfg0 + entry;
const configOf = (context: Context, entry: number): number => context.memory.u8[configOffset(context, entry)]!;
const modeOf = (config: number): number => (config & cfg.a) >>> cfg.aShift;

function legalise(config: number): number {
  let legal = config & cfg.writable;
  // Writable but not readable is reserved: neither.
  if (!(legal & cfg.r)) legal &= ~cfg.w;
  if (modeOf(legal) === modes.na4) legal &= ~cfg.a;
  return legal;
}

function pmpcfg(slot: 'pmpcfg0' | 'pmpcfg2', firstEntry: number): Csr {
  return {
    name: slot,
    read: ({ context }) => context.word(csrAt[slot]),
    write: ({ context }, value) => {
      for (let i = 0; i < 8; i++) {
        const entry = firstEntry + i;
        if (configOf(context, entry) & cfg.l) continue;
        context.memory.u8[configOffset(context, entry)] = legalise(Number((value >> BigInt(8 * i)) & 0xffn));
      }
      return effects.protection;
    },
  };
}

/** An address is locked with its entry, and with the next one if that is a range that starts here. */
function isAddressLocked(context: Context, entry: number): boolean {
  if (configOf(context, entry) & cfg.l) return true;
  if (entry + 1 === entries) return false;
  const next = configOf(context, entry + 1);
  return (next & cfg.l) !== 0 && modeOf(next) === modes.tor;
}

function pmpaddr(entry: number): Csr {
  const slot = `pmpaddr${entry}` as CsrSlot;
  const at = csrAt[slot];
  return {
    name: slot,
    // What is stored stays as it was written; how much of it is visible depends on the mode.
    read: ({ context }) => {
      const value = context.word(at);
      return modeOf(configOf(context, entry)) === modes.napot ? value | napotOnes : value & ~torZeros;
    },
    write: ({ context }, value) => {
      if (isAddressLocked(context, entry)) return effects.none;
      context.setWord(at, value & addressBits);
      return effects.protection;
    },
  };
}

const table: Record<number, Csr> = { 928: pmpcfg('pmpcfg0', 0), 930: pmpcfg('pmpcfg2', 8) };
for (let entry = 0; entry < entries; entry++) table[0x3b0 + entry] = pmpaddr(entry);
export const pmpCsrs: Readonly<Record<number, Csr>> = table;
