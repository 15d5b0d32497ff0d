// What happens to a thread that faults: its handler gets a message, or it stops.

import { faultType } from './abi/faults.ts';
import { sendIPC } from './endpoint.ts';
import type { Fault } from './fault-values.ts';
import type { Kernel } from './kernel.ts';
import { type Capability, capType, type Tcb, tcbSlot, threadState } from './objects.ts';
import { faultIp } from './registers.ts';
import { setThreadState } from './scheduler.ts';

function sendFaultIPC(kernel: Kernel, tcb: Tcb, handler: Capability, fault: Fault, canDonate: boolean): boolean {
  if (handler.type !== capType.endpoint) return false;
  tcb.fault = fault;
  if (fault.type === faultType.capFault) tcb.lookupFailure = kernel.lookupFailure;
  sendIPC(kernel, tcb, handler, { isBlocking: true, isCall: false, canDonate });
  return true;
}

export function handleFault(kernel: Kernel, tcb: Tcb, fault: Fault): void {
  const handler = tcb.slots.slot(tcbSlot.faultHandler).cap;
  if (sendFaultIPC(kernel, tcb, handler, fault, tcb.schedContext !== null)) return;
  kernel.machine.port.log(
    `fault without handler in "${tcb.name}" at 0x${faultIp(tcb).toString(16)}: ${describeFault(fault)}`,
  );
  setThreadState(kernel, tcb, threadState.inactive);
}

export const hasTimeoutHandler = (tcb: Tcb): boolean =>
  tcb.slots.slot(tcbSlot.timeoutHandler).cap.type === capType.endpoint;

/** The context of a thread ran out. The handler does not get that context: it needs its own. */
export function handleTimeout(kernel: Kernel, tcb: Tcb, badge: bigint): void {
  const handler = tcb.slots.slot(tcbSlot.timeoutHandler).cap;
  sendFaultIPC(kernel, tcb, handler, { type: faultType.timeout, badge }, false);
}

function describeFault(fault: Fault): string {
  switch (fault.type) {
    case faultType.capFault:
      return `cap fault in ${fault.inReceivePhase ? 'receive' : 'send'} phase at 0x${fault.address.toString(16)}`;
    case faultType.vmFault:
      return `vm fault on ${fault.instruction ? 'code' : 'data'} at 0x${fault.address.toString(16)}, status ${fault.fsr}`;
    case faultType.unknownSyscall:
      return `unknown syscall 0x${fault.number.toString(16)}`;
    case faultType.userException:
      return `user exception ${fault.number}, code ${fault.code}`;
    case faultType.timeout:
      return `timeout of 0x${fault.badge.toString(16)}`;
    case faultType.vcpuFault:
      return `vcpu fault ${fault.scause}, htval 0x${fault.htval.toString(16)}, stval 0x${fault.stval.toString(16)}`;
  }
}
