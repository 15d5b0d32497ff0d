// Invocations of our own objects: VCPU and RealmControl (abi/extensions.ts).

import { vcpuFence, vcpuRegisters } from '../abi/extensions.ts';
import { label } from '../abi/invocation-labels.ts';
import { findVSpaceForASID } from '../address-space.ts';
import { capType, type Tcb, type VcpuCap } from '../objects.ts';
import { Answer, done, type Outcome, refusal } from '../outcome.ts';
import { bindRealm } from '../realm-thread.ts';
import { remoteTCBStall } from '../scheduler.ts';
import { bindVcpu, injectInterrupts, readVcpuRegister, vcpuRegister, writeVcpuRegister } from '../vcpu.ts';
import type { Invocation } from './invocation.ts';

export function decodeVCPUInvocation(invocation: Invocation, { vcpu }: VcpuCap): Outcome {
  const { kernel } = invocation;
  if (invocation.label === label.VCPUBind) return bind(invocation, { type: capType.vcpu, vcpu });
  const { tcb } = vcpu;
  if (tcb === null) return refusal.illegalOperation;
  switch (invocation.label) {
    case label.VCPUReadRegister: {
      if (invocation.length < 1) return refusal.truncatedMessage;
      const register = vcpuRegister(invocation.word(0));
      return register === undefined ? unknownRegister() : new Answer([readVcpuRegister(kernel, tcb, register)]);
    }
    case label.VCPUWriteRegister: {
      if (invocation.length < 2) return refusal.truncatedMessage;
      const register = vcpuRegister(invocation.word(0));
      if (register === undefined) return unknownRegister();
      remoteTCBStall(kernel, tcb);
      writeVcpuRegister(kernel, tcb, register, invocation.word(1));
      return done;
    }
    case label.VCPUInject:
      if (invocation.length < 2) return refusal.truncatedMessage;
      remoteTCBStall(kernel, tcb);
      injectInterrupts(kernel, tcb, invocation.word(0), invocation.word(1));
      return done;
    case label.VCPUFence:
      return fence(invocation, vcpu.asid);
    default:
      return refusal.illegalOperation;
  }
}
const unknownRegister = (): Outcome => refusal.rangeError(0, vcpuRegisters.length - 1);

/** A thread that may become something else: not the caller, and an ordinary thread so far. */
const isPlain = (invocation: Invocation, tcb: Tcb): boolean =>
  tcb !== invocation.thread && tcb.vcpu === null && tcb.realm === null;

function bind(invocation: Invocation, { vcpu }: VcpuCap): Outcome {
  const { kernel } = invocation;
  if (invocation.extraCapCount < 2) return refusal.truncatedMessage;
  const thread = invocation.extraCap(0);
  const table = invocation.extraCap(1);
  if (thread.type !== capType.thread) return refusal.invalidCapability(1);
  if (table.type !== capType.pageTable || table.guestLevels === 0 || !table.mapped) return refusal.invalidCapability(2);
  const root = findVSpaceForASID(kernel, table.asid);
  // A VMID has 14 bits (privileged specification, hgatp), an ASID 16.
  if (root === null || root.address !== table.address || table.asid >= 2 ** 14) return refusal.invalidCapability(2);
  if (vcpu.tcb !== null || !isPlain(invocation, thread.tcb)) return refusal.illegalOperation;
  remoteTCBStall(kernel, thread.tcb);
  bindVcpu(vcpu, thread.tcb, table.asid, root);
  return done;
}

function fence(invocation: Invocation, vmid: number): Outcome {
  if (invocation.length < 3) return refusal.truncatedMessage;
  const { harts } = invocation.kernel.machine;
  const all = 2n ** 64n - 1n;
  const address = invocation.word(1);
  const asid = invocation.word(2);
  const where = address === all ? {} : { address };
  switch (invocation.word(0)) {
    case BigInt(vcpuFence.vvma):
      for (const { port } of harts) {
        port.fence({
          stage: 'first',
          virtual: true,
          vmid,
          ...where,
          ...(asid === all ? {} : { asid: Number(asid & 0xffffn) }),
        });
      }
      return done;
    case BigInt(vcpuFence.gvma):
      for (const { port } of harts) port.fence({ stage: 'guest', virtual: true, vmid, ...where });
      return done;
    case BigInt(vcpuFence.instructions):
      // The machine notices stores to code when they happen.
      return done;
    default:
      return refusal.rangeError(0, vcpuFence.instructions);
  }
}

export function decodeRealmControlInvocation(invocation: Invocation): Outcome {
  const { kernel } = invocation;
  if (invocation.label !== label.RealmControlBind) return refusal.illegalOperation;
  if (invocation.lacks(1, 1)) return refusal.truncatedMessage;
  const thread = invocation.extraCap(0);
  if (thread.type !== capType.thread) return refusal.invalidCapability(1);
  if (!isPlain(invocation, thread.tcb)) return refusal.illegalOperation;
  remoteTCBStall(kernel, thread.tcb);
  return bindRealm(kernel, thread.tcb, invocation.number(0)) ? done : refusal.rangeError(0, 0);
}
