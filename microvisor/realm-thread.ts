// Threads whose instructions are a realm's. The pc of such a thread is one of `realmPc`: `calling` and, one instruction later,
// `running`, so that a restarted system call, a fault and its reply work as they do for machine code; `start` and `skip` are
// where others send it.

import { realmPc } from './abi/extensions.ts';
import { callRegister } from './abi/system-calls.ts';
import type { Kernel } from './kernel.ts';
import type { Tcb } from './objects.ts';
import type { Realm } from './realm.ts';
import { setFaultIp } from './registers.ts';

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

/** Obeys a pc that others have written. true: the realm runs now. false: no realm can go on at this pc. */
export function arriveAtPc(tcb: Tcb, realm: Realm): boolean {
  const { context } = tcb;
  switch (context.pc) {
    case realmPc.running:
      return true;
    case realmPc.start:
      realm.restart(Number(BigInt.asUintN(32, context.x(callRegister.capability))));
      break;
    case realmPc.skip:
      realm.skip();
      break;
    default:
      return false;
  }
  context.pc = realmPc.running;
  return true;
}
