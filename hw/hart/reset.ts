// A context as the hart comes out of reset, and as resident supervisors want it.

import { context as fields } from '../engine/layout.ts';
import { interruptBits } from './causes.ts';
import type { Context } from './context.ts';
import { delegable } from './csr/machine.ts';
import { envcfg, hstatus, privileges, status } from './fields.ts';
import { updateFpOff } from './floating-point.ts';
import type { Supervisor } from './hart.ts';
import { regimeOf } from './regime.ts';

export interface ContextReset {
  pc: bigint;
  /** 0 U, 1 S, 3 M. */
  privilege: number;
  /** In VS or VU. */
  virtual?: boolean;
  /**
   * Software that is resident below the context. It has delegated what it doesn't want to see, opened
   * physical memory, counters, Sstc and Svadu. 'M': environment calls from S-mode arrive at it, and M-level interrupts.
   * 'HS': every trap that isn't delegated to VS-mode.
   */
  supervisor?: Supervisor['mode'];
}

/** Supervisor's environment calls: what firmware exists for. */
const firmwareHandles = 1n << 9n;
const everything = 0xffff_ffff_ffff_ffffn;
/** NAPOT, readable, writable, executable. */
const openPmp = 0x1fn;

/** Resets the whole context; registers are zero. The banks are the machine's to choose. */
export function resetContext(context: Context, { pc, privilege, virtual = false, supervisor }: ContextReset): void {
  context.memory.u8.fill(0, context.base, context.base + fields.size);
  context.pc = pc;
  context.setWord(fields.reservation, everything);
  context.setCsr('mstatus', status.uxl64 | status.sxl64);
  context.setCsr('hstatus', hstatus.vsxl64);
  context.setCsr('vsstatus', status.uxl64);
  context.setCsr('mideleg', BigInt(interruptBits.hypervisor));
  context.setCsr('stimecmp', everything);
  context.setCsr('vstimecmp', everything);
  // Software that knows nothing of Svadu takes for granted that A and D are set for it, as they are on QEMU's `virt`.
  context.setCsr('menvcfg', envcfg.adue);
  if (supervisor !== undefined) {
    context.setCsr('medeleg', supervisor === 'M' ? delegable & ~firmwareHandles : delegable);
    context.setCsr('mideleg', BigInt(interruptBits.supervisor | interruptBits.hypervisor));
    context.setCsr('mcounteren', 0xffff_ffffn);
    context.setCsr('menvcfg', envcfg.adue | envcfg.stce);
    context.setCsr('pmpcfg0', openPmp);
    context.setCsr('pmpaddr0', (1n << 54n) - 1n);
  }
  if (supervisor === 'HS') {
    context.setCsr('hcounteren', 0xffff_ffffn);
    context.setCsr('scounteren', 0xffff_ffffn);
    context.setCsr('henvcfg', envcfg.adue | envcfg.stce);
  }
  context.set('privilege', privilege);
  context.set('virtual', virtual && privilege !== privileges.m ? 1 : 0);
  updateFpOff(context);
  regimeOf(context);
  context.bankEpoch = -1;
}
