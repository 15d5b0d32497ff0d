// CSRs of M-mode that no other file is about: identity, delegation, trap handling, configuration.

import { csrAt } from '../../engine/layout.ts';
import { envcfg } from '../fields.ts';
import { type Csr, constant, effects, epcWritable, stored, tvecWritable } from './csr.ts';

/** RV64, and A B C D F H I M S U. */
export const misa = [...'ABCDFHIMSU'].reduce(
  (bits, letter) => bits | (1n << BigInt(letter.charCodeAt(0) - 65)),
  2n << 62n,
);
/** Not a vendor's: bit 63 keeps clear of the open-source identifiers that RISC-V International allots; 'mv'. */
const marchid = 0x8000_0000_0000_6d76n;
/** Version 0.1.0. */
const mimpid = 0x0000_0100n;

/** Every exception but the environment call from M-mode, which can't come from below. */
export const delegable = 0x00f0_b7ffn;

const configurable = envcfg.fiom | envcfg.adue | envcfg.stce;

const menvcfg: Csr = {
  name: 'menvcfg',
  read: ({ context }) => context.word(csrAt.menvcfg),
  write: ({ context }, value) => {
    const next = value & configurable;
    context.setWord(csrAt.menvcfg, next);
    // What M-mode withholds is read-only zero in henvcfg.
    context.setWord(csrAt.henvcfg, context.word(csrAt.henvcfg) & (next | envcfg.fiom));
    return effects.timer | effects.interrupts;
  },
};

export const machineCsrs: Readonly<Record<number, Csr>> = {
  3857: constant('mvendorid', 0n),
  3858: constant('marchid', marchid),
  3859: constant('mimpid', mimpid),
  3860: { name: 'mhartid', read: (hart) => BigInt(hart.id) },
  3861: constant('mconfigptr', 0n),
  769: constant('misa', misa),
  770: stored('medeleg', { writable: delegable }),
  773: stored('mtvec', { writable: tvecWritable }),
  778: menvcfg,
  832: stored('mscratch'),
  833: stored('mepc', { writable: epcWritable }),
  834: stored('mcause'),
  835: stored('mtval'),
  842: stored('mtinst'),
  843: stored('mtval2'),
  // No trigger exists: whatever is selected has type 0.
  1952: constant('tselect', 0n),
  1953: constant('tdata1', 0n),
  1954: constant('tdata2', 0n),
  1955: constant('tdata3', 0n),
};
