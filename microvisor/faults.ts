// Faults as messages: sending them to the handler, and what a handler's reply changes.

import * as abi from './abi/faults.ts';
import { msgMaxLength, msgRegisterCount } from './abi/limits.ts';
import { callRegister } from './abi/system-calls.ts';
import { userContext } from './abi/user-context.ts';
import { type Fault, lookupFailureWords } from './fault-values.ts';
import type { Kernel } from './kernel.ts';
import { infoLabel, infoLength, lookupIPCBuffer, messageRegister, setMessageInfo, setMR } from './message.ts';
import type { Tcb } from './objects.ts';
import { faultIp, readRegister, writeRegister } from './registers.ts';
import { schedContextUpdateConsumed } from './sched-context.ts';

/** Registers of an UnknownSyscall and of a UserException, in message order; −1 is the fault's pc. */
const syscallMessage = [-1, 2, 1, 10, 11, 12, 13, 14, 15, 16];
const exceptionMessage = [-1, 2] as const;

/** The registers that a reply sets, in message order; NaN: none. Replies to the other faults only start the thread again. */
const replyRegisters: Readonly<Partial<Record<Fault['type'], readonly number[]>>> = {
  [abi.faultType.unknownSyscall]: syscallMessage,
  [abi.faultType.userException]: exceptionMessage,
  [abi.faultType.timeout]: userContext,
  [abi.faultType.vcpuFault]: Array.from({ length: abi.vcpuFault.length }, (_, index) => {
    if (index === abi.vcpuFault.pc) return -1;
    return index < abi.vcpuFault.x1 ? Number.NaN : index - abi.vcpuFault.x1 + 1;
  }),
};

/** The message of a fault. */
function faultWords(kernel: Kernel, tcb: Tcb, fault: Fault): bigint[] {
  switch (fault.type) {
    case abi.faultType.capFault:
      return [faultIp(tcb), fault.address, fault.inReceivePhase ? 1n : 0n, ...lookupFailureWords(tcb.lookupFailure!)];
    case abi.faultType.unknownSyscall:
      return [...syscallMessage.map((register) => readRegister(tcb, register)), fault.number];
    case abi.faultType.userException:
      return [faultIp(tcb), readRegister(tcb, exceptionMessage[1]), BigInt(fault.number), BigInt(fault.code)];
    case abi.faultType.timeout:
      return tcb.schedContext === null
        ? [fault.badge]
        : [fault.badge, schedContextUpdateConsumed(kernel, tcb.schedContext)];
    case abi.faultType.vmFault:
      return [faultIp(tcb), fault.address, fault.instruction ? 1n : 0n, BigInt(fault.fsr)];
    case abi.faultType.vcpuFault: {
      const words = [BigInt(fault.scause), fault.htval, fault.htinst, faultIp(tcb), fault.stval];
      for (let register = 1; register < 32; register++) words.push(readRegister(tcb, register));
      return words;
    }
  }
}

/** Delivers a faulted thread's message to whoever handles it. */
export function doFaultTransfer(kernel: Kernel, badge: bigint, sender: Tcb, receiver: Tcb, buffer: number): void {
  const fault = sender.fault!;
  const words = faultWords(kernel, sender, fault);
  let length = 0;
  for (let i = 0; i < words.length; i++) length = setMR(kernel, receiver, buffer, i, words[i]!);
  kernel.charge(kernel.costs.fault + kernel.costs.word * length);
  setMessageInfo(receiver, fault.type, length);
  receiver.context.setX(callRegister.badge, badge);
}

/** Applies a handler's reply to the registers of the faulted thread. true: it starts again. */
export function handleFaultReply(kernel: Kernel, receiver: Tcb, sender: Tcb): boolean {
  const registers = replyRegisters[receiver.fault!.type];
  if (registers === undefined) return true;
  const low = sender.context.xLow(callRegister.messageInfo);
  const buffer = lookupIPCBuffer(kernel, false, sender);
  const count = Math.min(infoLength(low), registers.length, buffer < 0 ? msgRegisterCount : msgMaxLength);
  for (let i = 0; i < count; i++) {
    const register = registers[i]!;
    if (!Number.isNaN(register)) writeRegister(receiver, register, messageRegister(kernel, sender, buffer, i));
  }
  return infoLabel(low, sender.context.xHigh(callRegister.messageInfo)) === 0;
}
