// CSRs of the hypervisor extension that no other file is about.

import { csrAt } from '../../engine/layout.ts';
import { envcfg, guestExternalInterrupts, hstatus } from '../fields.ts';
import { type Csr, effects, stored } from './csr.ts';

/** hedeleg: not the environment calls from HS, VS and M, nor what only a hypervisor can handle (20 to 23). */
export const guestDelegable = 0x0000_b1ffn;

/** Every value of VGEIN is an existing line. */
const hstatusWritable = BigInt(
  hstatus.gva | hstatus.spv | hstatus.spvp | hstatus.hu | hstatus.vgein | hstatus.vtvm | hstatus.vtw | hstatus.vtsr,
);

const henvcfg: Csr = {
  name: 'henvcfg',
  read: ({ context }) => context.word(csrAt.henvcfg),
  write: ({ context }, value) => {
    const granted = context.word(csrAt.menvcfg) & (envcfg.adue | envcfg.stce);
    context.setWord(csrAt.henvcfg, value & (granted | envcfg.fiom));
    return effects.timer | effects.interrupts;
  },
};

export const hypervisorCsrs: Readonly<Record<number, Csr>> = {
  1536: stored('hstatus', { writable: hstatusWritable, effects: effects.interrupts }),
  1538: stored('hedeleg', { writable: guestDelegable }),
  1543: stored('hgeie', {
    writable: ((1n << BigInt(guestExternalInterrupts)) - 1n) << 1n,
    effects: effects.interrupts,
  }),
  1546: henvcfg,
  1603: stored('htval'),
  1610: stored('htinst'),
  3602: { name: 'hgeip', read: (hart) => hart.guestLines },
};
