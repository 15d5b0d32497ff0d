// A kernel on the rig, and steps as its threads take them.

import { ramBase } from '../../hw/engine/memory.ts';
import { exceptions } from '../../hw/hart/causes.ts';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { wordBits } from '../../microvisor/abi/limits.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { callRegister, systemCall } from '../../microvisor/abi/system-calls.ts';
import {
  boot,
  defaultConfig,
  defaultCosts,
  Kernel,
  loadKernel,
  Microvisor,
  saveKernel,
} from '../../microvisor/index.ts';
import { lookupIPCBuffer } from '../../microvisor/message.ts';
import { type CNode, capType, type Tcb, tcbSlot, threadState } from '../../microvisor/objects.ts';
import { type Profile, profileShapes } from '../root-task/profile.ts';
import { command, realms, realmTurn } from './grind-realm.ts';
import type { Rig } from './rig.ts';
import type { AccessStep, CallStep, Step, TrapStep } from './step.ts';

/** What little RAM the kernel needs here; the image of the root thread follows it. */
const kernelBytes = 0x1_0000;
/** Where the root thread's page of code is mapped: two instructions. */
export const codeAddress = 0x1_0000;
const code = { load: 0x0002_b303, store: 0x0062_b023 } as const;
const addressRegister = 5;
const rootCNodeSizeBits = 8;
export const slotCount = 2 ** rootCNodeSizeBits;

/** Domains may take turns for ever without a thread that runs in any. */
const patience = 60;

/** What a call came to. */
export interface Answered {
  /** Of the capability that was called; −1: unknown. */
  readonly type: number;
  readonly label: number;
  /** An error code, or 0. */
  readonly error: number;
}

export class GrindSystem {
  readonly kernel: Kernel;
  readonly microvisor: Microvisor;
  /** Of the CNode in which everything lies. */
  private readonly rootAddress: number;

  /** Boots. `afterEntry` is called after every entry into the kernel from then on. */
  constructor(
    readonly rig: Rig,
    profile: Profile,
    afterEntry: (system: GrindSystem) => void,
  ) {
    rig.reset();
    const { numDomains, windows } = profileShapes[profile];
    const { memory, harts, port } = rig;
    this.kernel = new Kernel(
      { memory, harts, port, realms },
      {
        ...defaultConfig,
        numDomains: Math.min(numDomains, 2),
        windows,
        domainScheduleLength: numDomains > 1 ? 5 : 2,
        rootCNodeSizeBits,
      },
      defaultCosts,
    );
    const start = ramBase + kernelBytes;
    const end = start + 4096;
    boot(this.kernel, {
      initialThread: { kind: 'image', physical: { start, end }, virtualStart: codeAddress, entry: codeAddress },
      kernelMemory: { start: ramBase, end: start },
      deviceTop: 2 ** 33,
    });
    memory.u32[memory.hostAddress(start) >>> 2] = code.load;
    memory.u32[(memory.hostAddress(start) >>> 2) + 1] = code.store;
    this.microvisor = new Microvisor(this.kernel);
    for (const hart of harts) hart.supervisor = this.microvisor;
    this.microvisor.afterEntry = () => afterEntry(this);
    this.microvisor.start();
    const { cap } = this.current(0).slots.slot(tcbSlot.cTable);
    this.rootAddress = cap.type === capType.cNode ? cap.node.address : -1;
  }

  /** The CNode in which everything lies; undefined once it is gone. */
  rootCNode(): CNode | undefined {
    for (const { slots } of this.kernel.threads) {
      const { cap } = slots.slot(tcbSlot.cTable);
      if (cap.type === capType.cNode && cap.node.address === this.rootAddress) return cap.node;
    }
    return undefined;
  }

  current(hart: number): Tcb {
    return this.kernel.nodes[hart]!.current;
  }
  isIdle(hart: number): boolean {
    const node = this.kernel.nodes[hart]!;
    return node.current === node.idle;
  }

  /** The hart whose turn it is: the one that is furthest behind; −1: all wait, and time alone does not wake them. */
  nextHart(): number {
    const { clocks } = this.rig;
    for (let events = 0; events < patience; events++) {
      let next = -1;
      let at = Infinity;
      for (let hart = 0; hart < clocks.length; hart++) {
        const time = this.isIdle(hart) ? Math.max(clocks[hart]!, this.rig.nextEvent(hart)) : clocks[hart]!;
        if (time < at) {
          at = time;
          next = hart;
        }
      }
      if (next < 0) return -1;
      clocks[next] = at;
      if (!this.rig.enterForEvents(this.microvisor, next) && !this.isIdle(next)) return next;
    }
    return -1;
  }

  /** Takes a step. What was answered, if it was a call that the kernel has answered. */
  take(step: Step): Answered | null {
    switch (step.kind) {
      case 'call':
        return this.isIdle(step.hart) ? null : this.call(step);
      case 'trap':
        if (!this.isIdle(step.hart)) this.trap(step);
        return null;
      case 'pass':
        this.rig.clocks[step.hart]! += step.cycles;
        return null;
      case 'interrupt':
        this.rig.interrupt(this.microvisor, step.irq);
        return null;
      case 'save':
        this.saveAndLoad();
        return null;
      default:
        if (!this.isIdle(step.hart)) this.access(step);
        return null;
    }
  }

  private call(step: CallStep): Answered | null {
    const { kernel } = this;
    const tcb = this.current(step.hart);
    const { context } = tcb;
    this.putMessage(tcb, step);
    context.setX(callRegister.number, BigInt(step.number));
    context.setX(callRegister.capability, BigInt.asIntN(64, step.capability));
    context.setX(callRegister.reply, BigInt.asIntN(64, step.reply));
    context.setX(callRegister.nbSendRecvDestination, BigInt.asIntN(64, step.destination));
    const type = this.typeOf(tcb, step.capability);
    const answeredAt = tcb.realm === null ? BigInt.asUintN(64, context.pc + 4n) : 4n;
    if (tcb.realm !== null) {
      if (!this.realmTurn(step.hart)) return null;
    } else {
      this.raise(step.hart, tcb.vcpu === null ? exceptions.userEcall : exceptions.virtualSupervisorEcall, 0n);
    }
    // Whoever has called, and is still there behind its system call, has been answered: its registers are as the kernel left them.
    if (step.number !== systemCall.call) return null;
    if (tcb.state !== threadState.running || context.pc !== answeredAt || !kernel.threads.includes(tcb)) return null;
    return { type, label: step.label, error: context.xLow(callRegister.messageInfo) >>> 12 };
  }

  /** What an address names for a thread; −1: not what the grinder thinks, because the thread has another CSpace. */
  private typeOf(tcb: Tcb, capability: bigint): number {
    const { cap } = tcb.slots.slot(tcbSlot.cTable);
    if (cap.type !== capType.cNode || cap.node.address !== this.rootAddress) return -1;
    if (cap.guardSize !== wordBits - rootCNodeSizeBits || capability >= BigInt(slotCount)) return -1;
    return cap.node.slot(Number(capability)).cap.type;
  }

  private putMessage(tcb: Tcb, { label, words, caps, receive }: CallStep): void {
    const { u64 } = this.kernel.machine.memory;
    const buffer = lookupIPCBuffer(this.kernel, true, tcb) >> 3;
    for (let i = 0; i < words.length; i++) {
      if (i < 4) tcb.context.setX(callRegister.message0 + i, BigInt.asIntN(64, words[i]!));
      else if (buffer >= 0) u64[buffer + ipcBuffer.message + i] = words[i]!;
    }
    if (buffer >= 0) {
      for (let i = 0; i < caps.length; i++) u64[buffer + ipcBuffer.capsOrBadges + i] = caps[i]!;
      if (receive !== null) for (let i = 0; i < 3; i++) u64[buffer + ipcBuffer.receiveCNode + i] = receive[i]!;
    }
    const extraCaps = buffer < 0 ? 0 : caps.length;
    const info = messageInfoWord({ label, length: words.length, extraCaps });
    tcb.context.setX(callRegister.messageInfo, BigInt.asIntN(64, info));
  }

  private raise(hart: number, cause: number, tval: bigint): void {
    const { rig } = this;
    rig.harts[hart]!.raise(cause, tval, { tval2: tval >> 2n, tinst: 0n });
    this.microvisor.trap(rig.harts[hart]!, cause, false);
  }

  /** The thread of a realm acts. false: it had no time to, or cannot run. */
  private realmTurn(hart: number): boolean {
    command.call = true;
    this.microvisor.runRealm(this.rig.harts[hart]!, this.rig.clocks[hart]! + realmTurn);
    const called = !command.call;
    command.call = false;
    return called;
  }

  private trap({ hart, cause, tval }: TrapStep): void {
    const { realm } = this.current(hart);
    if (realm === null) this.raise(hart, cause, tval);
    else this.microvisor.userException(hart, cause, 0);
  }

  private access({ kind, hart, address }: AccessStep): void {
    const { context, realm } = this.current(hart);
    if (realm !== null) return;
    context.setX(addressRegister, BigInt(address));
    context.pc = kind === 'execute' ? BigInt(address) : BigInt(codeAddress + (kind === 'read' ? 0 : 4));
    this.rig.execute(hart);
  }

  private saveAndLoad(): void {
    const saved = JSON.stringify(saveKernel(this.kernel));
    loadKernel(this.kernel, JSON.parse(saved) as ReturnType<typeof saveKernel>);
    if (JSON.stringify(saveKernel(this.kernel)) !== saved) throw new Error('what was saved is not what was loaded');
  }
}
