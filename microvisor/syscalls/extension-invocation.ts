// Invocations of our own objects: VCPU and RealmControl (abi/extensions.ts).

import type { FenceScope } from '../../hw/hart/hart.ts';
import { vcpuFence, vcpuRegisters } from '../abi/extensions.ts';
import { label } from '../abi/invocation-labels.ts';
import { findVSpaceForASID } from '../address-space.ts';
import type { Kernel } from '../kernel.ts';
import { capType, type PlainCap, type Tcb, threadState, type Vcpu } from '../objects.ts';
import { Answer, done, type Outcome, type Result, refusal } from '../outcome.ts';
import { bindRealm } from '../realm-thread.ts';
import { remoteTCBStall } from '../scheduler.ts';
import { armVirtualTimer, changeMode, interrupts, wakeIfPending } from '../vcpu.ts';
import { type Invocation, invoke, type Methods } from './invocation.ts';

/** HS keeps to itself what a guest must not decide: guest page faults, VS ecalls, virtual instructions, access faults. */
const hedeleg = (1n << 0n) | (1n << 2n) | (1n << 3n) | (1n << 4n) | (1n << 6n) | (1n << 8n) | (0b1011n << 12n);
/** VSXL of 64 bits, and VTW: WFI in VS-mode traps. */
const hstatus = (2n << 32n) | (1n << 21n);
const uxl64 = 2n << 32n;

const vcpuMethods: Methods<Vcpu> = { VCPUBind: [0, 2, bind] };

/** What can be done with a VCPU that is bound, to its thread. */
const boundVcpuMethods: Methods<Tcb> = {
  VCPUReadRegister: [1, 0, readRegister],
  VCPUWriteRegister: [2, 0, writeRegister],
  VCPUInject: [2, 0, inject],
  VCPUFence: [3, 0, fence],
};

export function decodeVCPUInvocation(kernel: Kernel, invocation: Invocation, vcpu: Vcpu): Outcome {
  if (vcpu.tcb === null || invocation.label === label.VCPUBind) return invoke(kernel, invocation, vcpuMethods, vcpu);
  return invoke(kernel, invocation, boundVcpuMethods, vcpu.tcb);
}

/** A thread that may become something else: not the caller, and an ordinary thread so far. */
const isPlain = (invocation: Invocation, tcb: Tcb): boolean =>
  tcb !== invocation.thread && tcb.vcpu === null && tcb.realm === null;

function bind(kernel: Kernel, invocation: Invocation, vcpu: Vcpu): Result {
  const thread = invocation.extraCap(0);
  const table = invocation.extraCap(1);
  if (thread.type !== capType.thread) return refusal.invalidCapability(1);
  if (table.type !== capType.pageTable || table.guestLevels === 0 || !table.mapped) return refusal.invalidCapability(2);
  const root = findVSpaceForASID(kernel, table.asid);
  // A VMID has 14 bits (privileged specification, hgatp), an ASID 16.
  if (root === null || root.address !== table.address || table.asid >= 2 ** 14) return refusal.invalidCapability(2);
  const { tcb } = thread;
  if (vcpu.tcb !== null || !isPlain(invocation, tcb)) return refusal.illegalOperation;
  remoteTCBStall(kernel, tcb);
  vcpu.tcb = tcb;
  vcpu.root = root;
  tcb.vcpu = vcpu;
  const { context } = tcb;
  context.set('privilege', 1);
  context.set('virtual', 1);
  context.setCsr('hstatus', hstatus);
  context.setCsr('hedeleg', hedeleg);
  context.setCsr('hideleg', interrupts);
  changeMode(context);
}

const unknownRegister = refusal.rangeError(0, vcpuRegisters.length - 1);

function readRegister(kernel: Kernel, invocation: Invocation, { context }: Tcb): Result {
  const register = vcpuRegisters[invocation.number(0)];
  switch (register) {
    case undefined:
      return unknownRegister;
    case 'privilege':
      return new Answer([BigInt(context.get('privilege'))]);
    case 'vsie':
      return new Answer([(context.csr('mie') & interrupts) >> 1n]);
    case 'time':
      return new Answer([BigInt.asUintN(64, BigInt(kernel.node.time) + context.csr('htimedelta'))]);
    default:
      return new Answer([context.csr(register)]);
  }
}

function writeRegister(kernel: Kernel, invocation: Invocation, tcb: Tcb): Result {
  const { context } = tcb;
  const register = vcpuRegisters[invocation.number(0)];
  const value = invocation.word(1);
  if (register === undefined) return unknownRegister;
  remoteTCBStall(kernel, tcb);
  if (register === 'privilege') context.set('privilege', value === 0n ? 0 : 1);
  // The enable bits of VS interrupts are one place further left in mie than in vsie.
  else if (register === 'vsie')
    context.setCsr('mie', (context.csr('mie') & ~interrupts) | ((value << 1n) & interrupts));
  else if (register === 'hvip') context.setCsr('hvip', value & interrupts);
  else if (register === 'vsstatus') context.setCsr('vsstatus', (value & ~(3n << 32n)) | uxl64);
  else if (register !== 'time') context.setCsr(register, value);
  const isOfTimer = register === 'vstimecmp' || register === 'htimedelta';
  if (isOfTimer && tcb.state === threadState.waitingForInterrupt) armVirtualTimer(kernel, tcb);
  changeMode(context);
  wakeIfPending(kernel, tcb);
}

function inject(kernel: Kernel, invocation: Invocation, tcb: Tcb): undefined {
  const { context } = tcb;
  const set = invocation.word(0) & interrupts;
  const clear = invocation.word(1) & interrupts;
  remoteTCBStall(kernel, tcb);
  context.setCsr('hvip', (context.csr('hvip') & ~clear) | set);
  wakeIfPending(kernel, tcb);
}

function fence(kernel: Kernel, invocation: Invocation, tcb: Tcb): Result {
  const operation = invocation.number(0);
  if (operation > vcpuFence.instructions) return refusal.rangeError(0, vcpuFence.instructions);
  // The machine notices stores to code when they happen.
  if (operation === vcpuFence.instructions) return;
  const all = 2n ** 64n - 1n;
  const address = invocation.word(1);
  const asid = invocation.word(2);
  const stage = operation === vcpuFence.vvma ? 'first' : 'guest';
  const scope: FenceScope = { stage, virtual: true, vmid: tcb.vcpu!.root!.asid };
  if (address !== all) scope.address = address;
  if (stage === 'first' && asid !== all) scope.asid = Number(asid & 0xffffn);
  for (const { port } of kernel.machine.harts) port.fence(scope);
}

export const realmControlMethods: Methods<PlainCap> = { RealmControlBind: [1, 1, bindToRealm] };

function bindToRealm(kernel: Kernel, invocation: Invocation): Result {
  const thread = invocation.extraCap(0);
  if (thread.type !== capType.thread) return refusal.invalidCapability(1);
  if (!isPlain(invocation, thread.tcb)) return refusal.illegalOperation;
  remoteTCBStall(kernel, thread.tcb);
  return bindRealm(kernel, thread.tcb, invocation.number(0)) ? done : refusal.rangeError(0, 0);
}
