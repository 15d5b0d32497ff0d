// Threads whose instructions are a realm's. The pc of such a thread has two values: `calling`, when a system call that stands in
// its registers has to be made (or made again, after a restart), and `running`, one instruction later. So a restarted system
// call, a fault and its reply work as they do for machine code.

import type { Kernel } from './kernel.ts';
import type { Tcb } from './objects.ts';
import { setFaultIp } from './registers.ts';

export const realmPc = { calling: 0n, running: 4n } as const;

/** Gives a thread a realm in its initial state. false: there is no such realm. */
export function bindRealm(kernel: Kernel, tcb: Tcb, number: number): boolean {
  const realm = kernel.machine.realms?.create(number);
  if (realm === undefined) return false;
  tcb.realm = realm;
  tcb.realmNumber = number;
  tcb.realmDebt = 0;
  tcb.context.pc = realmPc.running;
  setFaultIp(tcb, realmPc.running);
  return true;
}
