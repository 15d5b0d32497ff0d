// Virtual harts: a thread whose context runs in VS-mode, over a stage-2 table. Extension: see abi/extensions.ts.

import type { Context } from '../hw/hart/context.ts';
import { updateFpOff } from '../hw/hart/floating-point.ts';
import type { Hart } from '../hw/hart/hart.ts';
import { virtualInterrupts } from './abi/extensions.ts';
import { faultType } from './abi/faults.ts';
import { cancelVirtualTimer } from './cancel-ipc.ts';
import { handleFault } from './fault-handler.ts';
import type { Kernel } from './kernel.ts';
import { type Tcb, threadState, type Vcpu } from './objects.ts';
import { skipInstruction } from './registers.ts';
import { unblockCheck } from './sched-context.ts';
import { nextVirtualTimer, possibleSwitchTo, reprogram, setThreadState } from './scheduler.ts';

/** VSSIP, VSTIP and VSEIP, in hvip and mie. */
export const interrupts = BigInt(virtualInterrupts);

/** What is derived from mode, vsstatus and vsatp follows them. */
export function changeMode(context: Context): void {
  updateFpOff(context);
  context.bankEpoch = -1;
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

export function wakeIfPending(kernel: Kernel, tcb: Tcb): void {
  if (tcb.state !== threadState.waitingForInterrupt || !isPending(kernel, tcb)) return;
  cancelVirtualTimer(kernel, tcb);
  setThreadState(kernel, tcb, threadState.running);
  unblockCheck(kernel, tcb.schedContext);
  possibleSwitchTo(kernel, tcb);
}

export function armVirtualTimer(kernel: Kernel, tcb: Tcb): void {
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
  const { cause: scause, tval: stval, tval2: htval, tinst: htinst } = trap;
  handleFault(kernel, tcb, { type: faultType.vcpuFault, scause, htval, htinst, stval });
}
