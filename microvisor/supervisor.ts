// The resident supervisor: every entry into the kernel begins and ends here.

import { exceptions } from '../hw/hart/causes.ts';
import type { Hart, Supervisor } from '../hw/hart/hart.ts';
import { realmPc } from './abi/extensions.ts';
import { faultType } from './abi/faults.ts';
import { tcbFlag } from './abi/rights.ts';
import { callRegister, lowestApiCall } from './abi/system-calls.ts';
import { checkBudget, checkBudgetRestart, payCosts } from './budget.ts';
import { fastPath } from './fast-path.ts';
import { handleFault } from './fault-handler.ts';
import type { Fault } from './fault-values.ts';
import { irqState, type Kernel } from './kernel.ts';
import { sendSignal } from './notification.ts';
import { capType, type Tcb, threadState } from './objects.ts';
import type { Realm } from './realm.ts';
import { RealmDoor, type RealmTraps } from './realm-door.ts';
import { arriveAtPc } from './realm-thread.ts';
import { rewind, saveFaultIp, skipInstruction } from './registers.ts';
import {
  install,
  isCurDomainExpired,
  isOutranked,
  rescheduleRequired,
  schedule,
  setThreadState,
  updateTimestamp,
} from './scheduler.ts';
import { handleDebugCall, handleSyscall, handleUnknownSyscall } from './syscalls/system-call.ts';
import { fireVirtualTimers, handleVcpuTrap } from './vcpu.ts';
import { beginWindow, padWindow } from './windows.ts';
import { schedContextCompleteYieldTo } from './yield-to.ts';

/** `fsr` of a VMFault: the cause of the access fault, whichever kind of fault it was. */
const accessFault: Readonly<Record<number, number>> = {
  [exceptions.loadPageFault]: exceptions.loadAccessFault,
  [exceptions.loadAccessFault]: exceptions.loadAccessFault,
  [exceptions.storePageFault]: exceptions.storeAccessFault,
  [exceptions.storeAccessFault]: exceptions.storeAccessFault,
  [exceptions.instructionPageFault]: exceptions.instructionAccessFault,
  [exceptions.instructionAccessFault]: exceptions.instructionAccessFault,
};

export class Microvisor implements Supervisor, RealmTraps {
  readonly mode = 'HS';
  /** Called when an entry is over and its effects are complete: for whoever checks or counts. */
  afterEntry: ((hart: number) => void) | undefined;

  constructor(readonly kernel: Kernel) {}

  /** Lets every hart choose its first thread, once the initial thread exists (boot.ts). */
  start(): void {
    for (const node of this.kernel.nodes) {
      this.enter(node.id);
      updateTimestamp(this.kernel);
      node.consumed = 0;
      node.reprogram = true;
      this.leave();
    }
  }

  trap(hart: Hart, cause: number, interrupt: boolean): void {
    if (interrupt) {
      // Contexts take no others (registers.ts): time and requests of other harts come through `timer` and `reschedule`.
      this.externalInterrupt(hart);
      return;
    }
    const thread = this.enter(hart.id);
    if (thread.vcpu !== null) {
      if (this.hasBudget()) handleVcpuTrap(this.kernel, thread, hart);
    } else if (cause === exceptions.userEcall) {
      if (this.ecall(thread)) return;
    } else {
      this.userFault(thread, cause, hart.tval);
    }
    this.leave();
  }

  /** The deadline of a hart has come. */
  timer(hart: Hart): void {
    this.enterForInterrupt(hart);
    this.kernel.node.reprogram = true;
    this.leave();
  }
  /** Another hart made a thread of this one ready. */
  reschedule(hart: Hart): void {
    const { kernel } = this;
    this.enter(hart.id);
    // It was sent to a window that is over, and has nothing to do with this one.
    if (kernel.config.windows && !kernel.node.reprogram && !isOutranked(kernel)) return;
    this.enterForInterrupt(hart);
    kernel.node.reprogram = true;
    rescheduleRequired(kernel);
    this.leave();
  }
  private externalInterrupt(hart: Hart): void {
    this.enterForInterrupt(hart);
    this.handleInterrupt(this.kernel.machine.port.claimInterrupt(hart.id));
    this.leave();
  }

  private enterForInterrupt(hart: Hart): void {
    this.enter(hart.id);
    updateTimestamp(this.kernel);
    checkBudget(this.kernel);
  }

  private handleInterrupt(irq: number): void {
    const { kernel } = this;
    if (irq === 0) return;
    if (kernel.irqStates[irq] !== irqState.signal) {
      kernel.machine.port.maskInterrupt(irq, true);
      kernel.machine.port.completeInterrupt(irq);
      return;
    }
    const { cap } = kernel.irqSlots.slot(irq);
    if (cap.type === capType.notification && cap.canSend) sendSignal(kernel, cap.notification, cap.badge);
  }

  /** Begins an entry; returns the thread that the hart was running. */
  private enter(hart: number): Tcb {
    const { kernel } = this;
    kernel.node = kernel.nodes[hart]!;
    const { current } = kernel.node;
    saveFaultIp(current.context);
    return current;
  }

  /** Chooses who runs next and puts it on the hart. */
  private leave(): void {
    const { kernel } = this;
    const { node } = kernel;
    // The time of an entry is that of the trap: what the entry costs comes after it.
    kernel.charge(kernel.costs.entry);
    const windowBegins = kernel.config.windows && isCurDomainExpired(kernel);
    if (windowBegins) beginWindow(kernel);
    fireVirtualTimers(kernel);
    schedule(kernel);
    const { current } = node;
    if (current.yieldTo !== null) schedContextCompleteYieldTo(kernel, current);
    if (current.state === threadState.restart) {
      rewind(current.context);
      setThreadState(kernel, current, threadState.running);
    }
    install(kernel, node);
    payCosts(kernel);
    if (windowBegins) padWindow(kernel);
    this.finish();
  }
  private finish(): void {
    const { id } = this.kernel.node;
    this.kernel.machine.port.traceEntry(id);
    this.afterEntry?.(id);
  }

  /** Whether the current thread may have what it asks for now; if not, it asks again when its budget allows. */
  private hasBudget(): boolean {
    updateTimestamp(this.kernel);
    return checkBudgetRestart(this.kernel);
  }

  /** true: it was one for the fast path, and the entry is over. */
  private ecall(thread: Tcb): boolean {
    const { kernel } = this;
    const { context, flags } = thread;
    skipInstruction(context);
    const low = context.xLow(callRegister.number) | 0;
    const isKernels = (flags & tcbFlag.foreign) === 0 && context.xHigh(callRegister.number) === 0xffff_ffff;
    if (isKernels && low < 0 && low >= lowestApiCall) {
      if (kernel.config.fastPath && fastPath(kernel, thread, low)) {
        this.finish();
        return true;
      }
      if (this.hasBudget()) handleSyscall(kernel, low);
    } else if (!(isKernels && handleDebugCall(kernel, low)) && this.hasBudget()) {
      handleUnknownSyscall(kernel, context.x(callRegister.number), (flags & tcbFlag.foreign) !== 0);
    }
    return false;
  }

  private userFault(thread: Tcb, cause: number, address: bigint): void {
    if (!this.hasBudget()) return;
    const fsr = accessFault[cause];
    const fault: Fault =
      fsr === undefined
        ? { type: faultType.userException, number: cause, code: 0 }
        : { type: faultType.vmFault, address, fsr, instruction: fsr === exceptions.instructionAccessFault };
    handleFault(this.kernel, thread, fault);
  }

  // Realms.

  /** Whether the hart's thread is a realm's: then `runRealm` runs it, instead of the engine. */
  runsRealm(hart: Hart): boolean {
    return this.kernel.nodes[hart.id]!.current.realm !== null;
  }

  /**
   * Runs realm threads until the hart's clock reaches `limit` (at most its deadline), an interrupt is pending, or the engine is to
   * run. One of these is so whenever it returns, and each turn brings it nearer: else the machine would call for ever.
   */
  runRealm(hart: Hart, limit: number): void {
    const { port } = this.kernel.machine;
    const node = this.kernel.nodes[hart.id]!;
    const { clocks, deadlines } = port;
    while (clocks[hart.id]! < Math.min(limit, deadlines[hart.id]!) && !port.interruptPending(hart.id)) {
      const tcb = node.current;
      if (tcb.realm === null) return;
      const before = clocks[hart.id]!;
      this.realmTurn(hart, tcb, tcb.realm, limit);
      if (node.current === tcb && clocks[hart.id]! === before) throw new Error(`"${tcb.name}" stops the clock`);
    }
  }

  private realmTurn(hart: Hart, tcb: Tcb, realm: Realm, limit: number): void {
    const { port } = this.kernel.machine;
    const door = new RealmDoor(this.kernel, this, hart.id, tcb);
    door.limit = limit;
    const before = port.clocks[hart.id]!;
    if (!door.payDebt()) return;
    if (tcb.context.pc === realmPc.calling) {
      this.exception(hart.id, exceptions.userEcall, 0n);
    } else if (!arriveAtPc(tcb, realm)) {
      this.exception(hart.id, exceptions.instructionAccessFault, tcb.context.pc);
    } else {
      realm.resume(door);
    }
    // A turn that took no time still takes some, so that no realm stops the clock.
    if (this.kernel.nodes[hart.id]!.current === tcb && port.clocks[hart.id]! === before) port.clocks[hart.id]!++;
  }

  exception(hart: number, cause: number, tval: bigint): void {
    const thread = this.enter(hart);
    if (cause !== exceptions.userEcall) this.userFault(thread, cause, tval);
    else if (this.ecall(thread)) return;
    this.leave();
  }
  userException(hart: number, number: number, code: number): void {
    const thread = this.enter(hart);
    if (this.hasBudget()) handleFault(this.kernel, thread, { type: faultType.userException, number, code });
    this.leave();
  }
}
