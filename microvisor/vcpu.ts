// Virtual harts: a thread whose context runs in VS-mode, over a stage-2 table. Extension: see abi/extensions.ts.

import type { Context } from '../hw/hart/context.ts';
import { updateFpOff } from '../hw/hart/floating-point.ts';
import type { Hart } from '../hw/hart/hart.ts';
import { type VcpuRegister, virtualInterrupts } from './abi/extensions.ts';
import { faultType } from './abi/faults.ts';
import { cancelVirtualTimer } from './cancel-ipc.ts';
import { handleFault } from './fault-handler.ts';
import type { Kernel } from './kernel.ts';
import { type AsidRoot, type Tcb, threadState, type Vcpu } from './objects.ts';
import { skipInstruction } from './registers.ts';
import { unblockCheck } from './sched-context.ts';
import { nextVirtualTimer, possibleSwitchTo, reprogram, setThreadState } from './scheduler.ts';

/** HS keeps to itself what a guest must not decide: guest page faults, VS ecalls, virtual instructions, access faults. */
const hedeleg = (1n << 0n) | (1n << 2n) | (1n << 3n) | (1n << 4n) | (1n << 6n) | (1n << 8n) | (0b1011n << 12n);
const interrupts = BigInt(virtualInterrupts);
/** VSXL of 64 bits, and VTW: WFI in VS-mode traps. */
const hstatus = (2n << 32n) | (1n << 21n);
const uxl64 = 2n << 32n;

/** What is derived from mode, vsstatus and vsatp follows them. */
function changeMode(context: Context): void {
  updateFpOff(context);
  context.bankEpoch = -1;
}

export function bindVcpu(vcpu: Vcpu, tcb: Tcb, root: AsidRoot): void {
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

/** The thread is an ordinary one again, in user mode. */
export function unbindVcpu(vcpu: Vcpu): void {
  const tcb = vcpu.tcb!;
  vcpu.tcb = null;
  vcpu.root = null;
  tcb.vcpu = null;
  tcb.context.set('privilege', 0);
  tcb.context.set('virtual', 0);
  changeMode(tcb.context);
}

/** The VS interrupts have their enable bits one place further left in mie than in vsie. */
export function readVcpuRegister(kernel: Kernel, tcb: Tcb, register: VcpuRegister): bigint {
  const { context } = tcb;
  if (register === 'privilege') return BigInt(context.get('privilege'));
  if (register === 'vsie') return (context.csr('mie') & interrupts) >> 1n;
  if (register === 'time') return BigInt.asUintN(64, BigInt(kernel.node.time) + context.csr('htimedelta'));
  return context.csr(register);
}
export function writeVcpuRegister(kernel: Kernel, tcb: Tcb, register: VcpuRegister, value: bigint): void {
  const { context } = tcb;
  if (register === 'privilege') context.set('privilege', value === 0n ? 0 : 1);
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

export function injectInterrupts(kernel: Kernel, tcb: Tcb, set: bigint, clear: bigint): void {
  const { context } = tcb;
  context.setCsr('hvip', (context.csr('hvip') & ~(clear & interrupts)) | (set & interrupts));
  wakeIfPending(kernel, tcb);
}

const vstip = 1n << 6n;

/** Machine time at which the virtual timer fires, in ticks. */
function virtualDeadline(tcb: Tcb): number {
  const { context } = tcb;
  const at = context.csr('vstimecmp') - BigInt.asIntN(64, context.csr('htimedelta'));
  if (at <= 0n) return 0;
  return at > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(at);
}

function isPending(kernel: Kernel, tcb: Tcb): boolean {
  const { context } = tcb;
  const timer = virtualDeadline(tcb) <= kernel.node.time ? vstip : 0n;
  return ((context.csr('hvip') | timer) & context.csr('mie') & interrupts) !== 0n;
}

function wakeIfPending(kernel: Kernel, tcb: Tcb): void {
  if (tcb.state !== threadState.waitingForInterrupt || !isPending(kernel, tcb)) return;
  cancelVirtualTimer(kernel, tcb);
  setThreadState(kernel, tcb, threadState.running);
  unblockCheck(kernel, tcb.schedContext);
  possibleSwitchTo(kernel, tcb);
}

function armVirtualTimer(kernel: Kernel, tcb: Tcb): void {
  cancelVirtualTimer(kernel, tcb);
  if ((tcb.context.csr('mie') & vstip) === 0n) return;
  const wakeAt = virtualDeadline(tcb);
  if (wakeAt === Infinity) return;
  const node = kernel.nodes[tcb.affinity]!;
  tcb.vcpu!.wakeAt = wakeAt;
  const before = node.virtualTimers.findIndex((other) => other.vcpu!.wakeAt > wakeAt);
  node.virtualTimers.splice(before < 0 ? node.virtualTimers.length : before, 0, tcb);
  reprogram(kernel, node, tcb);
}

/** WFI in VS-mode: the thread waits until an enabled virtual interrupt is pending. */
function waitForInterrupt(kernel: Kernel, tcb: Tcb): void {
  skipInstruction(tcb.context);
  if (isPending(kernel, tcb)) return;
  setThreadState(kernel, tcb, threadState.waitingForInterrupt);
  armVirtualTimer(kernel, tcb);
}

/** Wakes the virtual harts of this node whose timers have fired. */
export function fireVirtualTimers(kernel: Kernel): void {
  if (kernel.node.virtualTimers.length === 0) return;
  for (let tcb = nextVirtualTimer(kernel); tcb !== undefined; tcb = nextVirtualTimer(kernel)) {
    if (tcb.vcpu!.wakeAt > kernel.node.time) return;
    wakeIfPending(kernel, tcb);
  }
}

const virtualInstruction = 22;
const wfi = 0x1050_0073n;

/** A trap of a virtual hart that HS does not delegate. */
export function handleVcpuTrap(kernel: Kernel, tcb: Tcb, trap: Hart): void {
  if (trap.cause === virtualInstruction && trap.tval === wfi && tcb.context.get('privilege') === 1) {
    waitForInterrupt(kernel, tcb);
    return;
  }
  handleFault(kernel, tcb, {
    type: faultType.vcpuFault,
    scause: trap.cause,
    htval: trap.tval2,
    htinst: trap.tinst,
    stval: trap.tval,
  });
}
