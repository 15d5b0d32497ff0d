// A kernel on a machine without an engine: tests write registers, trap, and look at what came of it. Every entry ends with a sweep
// of the invariants.

import { expect } from 'vitest';
import { MachineMemory } from '../../hw/engine/memory.ts';
import type { TranslationCache } from '../../hw/engine/translation-cache.ts';
import { exceptions, interrupts } from '../../hw/hart/causes.ts';
import { type FenceScope, Hart, type HartPort } from '../../hw/hart/hart.ts';
import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoFromWord, messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { allRights } from '../../microvisor/abi/rights.ts';
import { callRegister, systemCall } from '../../microvisor/abi/system-calls.ts';
import { type BootOptions, boot, defaultKernelMemory } from '../../microvisor/boot.ts';
import { type CostTable, defaultCosts } from '../../microvisor/costs.ts';
import { cteInsert } from '../../microvisor/cspace/derivation.ts';
import { cteDelete } from '../../microvisor/deletion.ts';
import { checkInvariants } from '../../microvisor/invariants/sweep.ts';
import { defaultConfig, irqState, Kernel, type KernelConfig, type Machine } from '../../microvisor/kernel.ts';
import { lookupIPCBuffer } from '../../microvisor/message.ts';
import {
  type Capability,
  type CNode,
  capType,
  type Slot,
  type Tcb,
  tcbSlot,
  threadState,
} from '../../microvisor/objects.ts';
import type { KernelPort, RealmDirectory } from '../../microvisor/ports.ts';
import { Microvisor } from '../../microvisor/supervisor.ts';

export interface WorldOptions {
  harts?: number;
  ram?: number;
  config?: Partial<KernelConfig>;
  costs?: CostTable;
  realms?: RealmDirectory;
  boot?: Partial<BootOptions>;
  /** A machine that runs code, instead of one that tests drive. */
  machine?: Pick<Machine, 'memory' | 'harts' | 'port'>;
  /** Its cached translations, to be checked as well. */
  caches?: readonly TranslationCache[];
}

/** What came back from a Call: error code (or label) and message words. */
export interface Answered {
  label: number;
  words: bigint[];
}

export interface ThreadOptions {
  priority?: number;
  /** µs; none: a passive thread. */
  budget?: number;
  period?: number;
  core?: number;
  badge?: number;
  extraRefills?: number;
  sporadic?: boolean;
  /** Slot of a fault endpoint. */
  faultEndpoint?: number;
  /** false: not started. */
  resume?: boolean;
}

/** A thread that the root has made, with the slots of its capabilities. */
export interface Thread {
  tcb: Tcb;
  cap: number;
  sc: number;
}

/** Where the page of the initial image lies. */
export const imageStart = defaultKernelMemory.end;
const pageSize = 4096;

export class World {
  readonly kernel: Kernel;
  readonly microvisor: Microvisor;
  readonly harts: Hart[] = [];
  readonly clocks: Float64Array;
  readonly deadlines: Float64Array;
  readonly fences: FenceScope[] = [];
  readonly rescheduled = new Set<number>();
  readonly log: string[] = [];
  readonly masked = new Map<number, boolean>();
  readonly completed: number[] = [];
  output = '';
  claimable = 0;
  pending = false;
  readonly rootTcb: Tcb;
  private readonly rootCNode: CNode;
  private nextSlot: number;
  private readonly untyped: number;
  private nextBufferAddress = 0x40_0000;

  constructor(options: WorldOptions = {}) {
    this.clocks = new Float64Array(options.harts ?? 1);
    this.deadlines = new Float64Array(options.harts ?? 1).fill(Infinity);
    const machine = options.machine ?? this.drivenMachine(options);
    if (options.machine !== undefined) this.harts.push(...options.machine.harts);
    this.kernel = new Kernel(
      options.realms === undefined ? machine : { ...machine, realms: options.realms },
      { ...defaultConfig, ...options.config },
      options.costs ?? defaultCosts,
    );
    boot(this.kernel, {
      initialThread: {
        kind: 'image',
        physical: { start: imageStart, end: imageStart + pageSize },
        virtualStart: 0x1_0000,
        entry: 0x1_0000,
      },
      ...options.boot,
    });
    this.microvisor = new Microvisor(this.kernel);
    this.microvisor.afterEntry = () => checkInvariants(this.kernel, options.caches);
    this.microvisor.start();
    this.rootTcb = this.kernel.nodes[0]!.current;
    const root = this.rootTcb.slots.slot(tcbSlot.cTable).cap;
    if (root.type !== capType.cNode) throw new Error('no root CNode');
    this.rootCNode = root.node;
    const slots = [...root.node.occupied()];
    this.nextSlot = slots.at(-1)!.index + 1;
    const size = ({ cap }: Slot): number => (cap.type === capType.untyped && !cap.device ? cap.sizeBits : -1);
    this.untyped = slots.reduce((best, slot) => (size(slot) > size(best) ? slot : best)).index;
  }

  private drivenMachine(options: WorldOptions): Machine {
    const memory = new MachineMemory(options.ram ?? 8 * 2 ** 20);
    for (let id = 0; id < (options.harts ?? 1); id++) {
      const hart = new Hart(id, memory);
      hart.port = this.hartPort();
      this.harts.push(hart);
    }
    return { memory, harts: this.harts, port: this.kernelPort() };
  }
  private hartPort(): HartPort {
    const unused = (): never => {
      throw new Error('not used by the kernel');
    };
    return {
      cycles: () => 0n,
      instret: () => 0n,
      time: () => 0n,
      translationChanged: () => {},
      protectionChanged: () => {},
      fence: (scope) => this.fences.push(scope),
      loadAs: unused,
      storeAs: unused,
    };
  }
  private kernelPort(): KernelPort {
    return {
      clocks: this.clocks,
      deadlines: this.deadlines,
      sendReschedule: (hart) => this.rescheduled.add(hart),
      interruptPending: () => this.pending,
      claimInterrupt: () => this.claimable,
      completeInterrupt: (irq) => this.completed.push(irq),
      maskInterrupt: (irq, masked) => this.masked.set(irq, masked),
      placeInterrupt: (irq, _hart, latched) => this.masked.set(irq, latched),
      setInterruptTrigger: () => {},
      traceEntry: () => {},
      codeWritten: () => {},
      loadDevice: () => undefined,
      storeDevice: () => false,
      putChar: (byte) => {
        this.output += String.fromCharCode(byte);
      },
      halt: (reason) => this.log.push(reason),
      log: (line) => this.log.push(line),
    };
  }

  // Looking.

  current(hart = 0): Tcb {
    return this.kernel.nodes[hart]!.current;
  }
  get isIdle(): boolean {
    return this.current() === this.kernel.nodes[0]!.idle;
  }
  slot(index: number): Slot {
    return this.rootCNode.slot(index);
  }
  cap(index: number): Capability {
    return this.slot(index).cap;
  }
  x(tcb: Tcb, register: number): bigint {
    return BigInt.asUintN(64, tcb.context.x(register));
  }
  get badge(): bigint {
    return this.x(this.current(), callRegister.badge);
  }

  /** The message that the current thread has received. */
  message(hart = 0): Answered & { badge: bigint; extraCaps: number; capsUnwrapped: number } {
    const tcb = this.current(hart);
    const info = messageInfoFromWord(tcb.context.x(callRegister.messageInfo));
    const words: bigint[] = [];
    for (let i = 0; i < info.length; i++) words.push(this.readMessage(tcb, i));
    return { ...info, words, badge: this.x(tcb, callRegister.badge) };
  }
  private readMessage(tcb: Tcb, index: number): bigint {
    if (index < 4) return this.x(tcb, callRegister.message0 + index);
    return this.bufferWord(tcb, ipcBuffer.message + index);
  }
  bufferWord(tcb: Tcb, index: number): bigint {
    return this.kernel.machine.memory.u64[(lookupIPCBuffer(this.kernel, false, tcb) >>> 3) + index]!;
  }
  setBufferWord(tcb: Tcb, index: number, value: bigint): void {
    this.kernel.machine.memory.u64[(lookupIPCBuffer(this.kernel, false, tcb) >>> 3) + index] = value;
  }

  // Acting as the current thread.

  ecall(number: number | bigint, hart = 0): void {
    this.current(hart).context.setX(callRegister.number, BigInt(number));
    this.microvisor.trap(this.harts[hart]!, exceptions.userEcall, false);
  }
  /** Puts a message into the current thread's registers and buffer. */
  setMessage(messageLabel: number, words: readonly (number | bigint)[], caps: readonly number[] = [], hart = 0): void {
    const tcb = this.current(hart);
    words.forEach((word, i) => {
      if (i < 4) tcb.context.setX(callRegister.message0 + i, BigInt.asIntN(64, BigInt(word)));
      else this.setBufferWord(tcb, ipcBuffer.message + i, BigInt.asUintN(64, BigInt(word)));
    });
    caps.forEach((cap, i) => {
      this.setBufferWord(tcb, ipcBuffer.capsOrBadges + i, BigInt(cap));
    });
    const info = messageInfoWord({ label: messageLabel, length: words.length, extraCaps: caps.length });
    tcb.context.setX(callRegister.messageInfo, BigInt.asIntN(64, info));
  }
  /** Calls a capability; meant for objects of the kernel, which answer at once. */
  invoke(
    cap: number,
    messageLabel: number,
    words: readonly (number | bigint)[] = [],
    caps: readonly number[] = [],
  ): Answered {
    const tcb = this.current();
    this.call(cap, messageLabel, words, caps);
    // The answer can be looked at as long as the thread has not run on.
    const info = messageInfoFromWord(tcb.context.x(callRegister.messageInfo));
    const answer: bigint[] = [];
    for (let i = 0; i < info.length; i++) answer.push(this.readMessage(tcb, i));
    return { label: info.label, words: answer };
  }
  /** An invocation that must succeed. */
  must(
    cap: number,
    messageLabel: number,
    words: readonly (number | bigint)[] = [],
    caps: readonly number[] = [],
  ): bigint[] {
    const answer = this.invoke(cap, messageLabel, words, caps);
    expect(answer.label, `error ${answer.label} of invocation ${messageLabel}: ${answer.words.join(' ')}`).toBe(0);
    return answer.words;
  }
  call(
    cap: number,
    messageLabel = 0,
    words: readonly (number | bigint)[] = [],
    caps: readonly number[] = [],
    hart = 0,
  ): void {
    this.setMessage(messageLabel, words, caps, hart);
    this.current(hart).context.setX(callRegister.capability, BigInt(cap));
    this.ecall(systemCall.call, hart);
  }
  send(
    cap: number,
    words: readonly (number | bigint)[] = [],
    caps: readonly number[] = [],
    number: number = systemCall.send,
  ): void {
    this.setMessage(0, words, caps);
    this.current().context.setX(callRegister.capability, BigInt(cap));
    this.ecall(number);
  }
  signal(cap: number): void {
    this.send(cap);
  }
  recv(cap: number, reply = 0, number: number = systemCall.recv, hart = 0): void {
    const { context } = this.current(hart);
    context.setX(callRegister.capability, BigInt(cap));
    context.setX(callRegister.reply, BigInt(reply));
    this.ecall(number, hart);
  }
  wait(cap: number): void {
    this.recv(cap, 0, systemCall.wait);
  }
  replyRecv(cap: number, reply: number, words: readonly (number | bigint)[] = [], messageLabel = 0): void {
    this.setMessage(messageLabel, words);
    this.recv(cap, reply, systemCall.replyRecv);
  }
  /** An exception of the current thread. */
  exception(cause: number, tval: number | bigint = 0, more: { tval2?: bigint; tinst?: bigint } = {}, hart = 0): void {
    this.harts[hart]!.raise(cause, BigInt(tval), more);
    this.microvisor.trap(this.harts[hart]!, cause, false);
  }
  interrupt(irq: number, hart = 0): void {
    this.claimable = irq;
    this.microvisor.trap(this.harts[hart]!, interrupts.sei, true);
    this.claimable = 0;
  }

  // Time.

  /** Lets the current thread compute until a moment (in µs), with the timer going off on the way. */
  runUntil(us: number, hart = 0): void {
    const cycles = us * 1000;
    while (this.deadlines[hart]! <= cycles) {
      this.clocks[hart] = Math.max(this.clocks[hart]!, this.deadlines[hart]!);
      this.microvisor.timer(this.harts[hart]!);
    }
    this.clocks[hart] = Math.max(this.clocks[hart]!, cycles);
  }
  now(hart = 0): number {
    return this.clocks[hart]! / 1000;
  }
  deliverReschedules(): void {
    for (const hart of [...this.rescheduled]) {
      this.rescheduled.delete(hart);
      this.microvisor.reschedule(this.harts[hart]!);
    }
  }

  // Making things, as the root thread.

  freeSlot(): number {
    return this.nextSlot++;
  }
  make(type: number, userSize = 0, count = 1, untyped = this.untyped): number {
    const first = this.nextSlot;
    this.nextSlot += count;
    this.makeAt(first, type, userSize, count, untyped);
    return first;
  }
  makeAt(slot: number, type: number, userSize = 0, count = 1, untyped = this.untyped): void {
    this.must(untyped, label.UntypedRetype, [type, userSize, 0, 0, slot, count], [initialCap.cNode]);
  }
  endpoint(): number {
    return this.make(objectType.endpoint);
  }
  notification(): number {
    return this.make(objectType.notification);
  }
  reply(): number {
    return this.make(objectType.reply);
  }
  mint(source: number, badge: number | bigint, rights = allRights): number {
    const slot = this.freeSlot();
    this.must(initialCap.cNode, label.CNodeMint, [slot, 64, source, 64, rights, badge], [initialCap.cNode]);
    return slot;
  }
  copy(source: number, rights = allRights): number {
    const slot = this.freeSlot();
    this.must(initialCap.cNode, label.CNodeCopy, [slot, 64, source, 64, rights], [initialCap.cNode]);
    return slot;
  }
  delete(slot: number): void {
    this.must(initialCap.cNode, label.CNodeDelete, [slot, 64]);
  }
  revoke(slot: number): void {
    this.must(initialCap.cNode, label.CNodeRevoke, [slot, 64]);
  }
  schedControl(core = 0): number {
    for (let index = 16; ; index++) {
      const cap = this.cap(index);
      if (cap.type === capType.schedControl && cap.core === core) return index;
    }
  }
  configure(sc: number, options: ThreadOptions): Answered {
    const budget = options.budget ?? 1000;
    return this.invoke(
      this.schedControl(options.core),
      label.SchedControlConfigureFlags,
      [budget, options.period ?? budget, options.extraRefills ?? 0, options.badge ?? 0, options.sporadic ? 1 : 0],
      [sc],
    );
  }
  thread(options: ThreadOptions = {}): Thread {
    const cap = this.make(objectType.tcb);
    const frame = this.make(objectType.page);
    const address = this.nextBufferAddress;
    this.nextBufferAddress += pageSize;
    if (address % 2 ** 21 === 0) {
      const table = this.make(objectType.pageTable);
      this.must(table, label.RISCVPageTableMap, [address, 0], [initialCap.vspace]);
    }
    this.must(frame, label.RISCVPageMap, [address, 3, 0], [initialCap.vspace]);
    this.must(cap, label.TCBConfigure, [0, 0, address], [initialCap.cNode, initialCap.vspace, frame]);
    let sc = 0;
    if (options.budget !== undefined) {
      sc = this.make(objectType.schedContext, 8);
      expect(this.configure(sc, options).label).toBe(0);
    }
    this.must(
      cap,
      label.TCBSetSchedParams,
      [options.priority ?? 100, options.priority ?? 100],
      [initialCap.tcb, sc, options.faultEndpoint ?? 0],
    );
    const threadCap = this.cap(cap);
    if (threadCap.type !== capType.thread) throw new Error('not a thread');
    threadCap.tcb.name = `thread ${cap}`;
    if (options.resume !== false) this.must(cap, label.TCBResume);
    return { tcb: threadCap.tcb, cap, sc };
  }
  /** The root thread steps aside, until `signal` on what this returns. */
  stepAside(): number {
    const notification = this.notification();
    this.wait(notification);
    return notification;
  }
  /** An interrupt brings the root thread back, which waits on a notification. */
  interruptRoot(notification: number): void {
    const { cap } = this.slot(notification);
    if (cap.type !== capType.notification) throw new Error('not a notification');
    const irq = 10;
    const { kernel } = this;
    // What IRQControl_Get and IRQHandler_SetNotification do, without a thread to call them and without taking time.
    const handler = this.slot(this.freeSlot());
    kernel.irqStates[irq] = irqState.signal;
    cteInsert(kernel, { type: capType.irqHandler, irq }, this.slot(initialCap.irqControl), handler);
    cteInsert(kernel, cap, this.slot(notification), kernel.irqSlots.slot(irq));
    kernel.node.cost = 0;
    this.interrupt(irq);
    cteDelete(kernel, handler, true);
    kernel.node.cost = 0;
    expect(this.current().name).toBe('rootserver');
  }
  expectCurrent(thread: Thread, hart = 0): void {
    expect(this.current(hart).name).toBe(thread.tcb.name);
  }
}

export { allRights, capType, exceptions, initialCap, label, objectType, systemCall, threadState };
