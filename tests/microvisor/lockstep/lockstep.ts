// The kernel and its specification, doing the same. After each event their states must be equal.

import { error } from '../../../microvisor/abi/errors.ts';
import { ipcBuffer } from '../../../microvisor/abi/ipc-buffer.ts';
import { messageInfoWord } from '../../../microvisor/abi/message-info.ts';
import { callRegister } from '../../../microvisor/abi/system-calls.ts';
import { bufferOf } from '../../../microvisor/specification/message.ts';
import type { State } from '../../../microvisor/specification/state.ts';
import { type Event, step, type Trap } from '../../../microvisor/specification/step.ts';
import { exceptions, type World } from '../world.ts';
import type { Abstraction } from './abstraction.ts';
import type { Action, Call } from './action.ts';
import { differences } from './difference.ts';

export const ticksPerUs = 10;

export class Lockstep {
  private pending = false;
  calls = 0;
  succeeded = 0;

  constructor(
    private readonly world: World,
    private readonly abstraction: Abstraction,
    /** What the specification says. */
    public state: State,
  ) {}

  /** Does it on both sides. Returns how the states differ afterwards; a side that throws differs from the other, too. */
  act(action: Action): string[] {
    try {
      return this.perform(action);
    } catch (thrown) {
      return [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)];
    }
  }
  private perform(action: Action): string[] {
    switch (action.kind) {
      case 'pending':
        this.pending = action.pending;
        return [];
      case 'compute':
        return this.compute(action.us);
      case 'interrupt':
        return this.both({ kind: 'interrupt', irq: action.irq }, () => this.world.interrupt(action.irq));
      case 'fault': {
        const { cause, address } = action;
        if (this.state.current === null) return [];
        const trap: Trap = { kind: 'exception', cause, address: BigInt(address) };
        return this.both(trap, () => this.world.exception(cause, address));
      }
      case 'call':
        return this.state.current === null ? [] : this.call(action);
    }
  }

  private call(call: Call): string[] {
    const caller = this.world.current();
    const { registers, memory } = this.written(call);
    const { kernel, microvisor, harts } = this.world;
    for (const [index, word] of Object.entries(registers)) caller.context.setX(Number(index), BigInt.asIntN(64, word));
    for (const [address, word] of Object.entries(memory)) kernel.storeWord(Number(address), word);
    const trap = (): void => microvisor.trap(harts[0]!, exceptions.userEcall, false);
    const found = this.both({ kind: 'system call' }, trap, { registers, memory });
    this.calls++;
    // The label of an answer; those of messages are greater.
    const info = this.state.threads[caller.address]?.registers[callRegister.messageInfo] ?? 0n;
    if (info >> 12n === 0n || info >> 12n > BigInt(error.notEnoughMemory)) this.succeeded++;
    return found;
  }
  /** What the thread writes before it calls: as much as its buffer has room for. */
  private written(call: Call): Required<Pick<Event, 'registers' | 'memory'>> {
    const { number, cap, reply = 0, sendTo = 0, label = 0, words = [], caps = [], slot } = call;
    const registers: Record<number, bigint> = {
      [callRegister.number]: BigInt(number),
      [callRegister.capability]: BigInt(cap),
      [callRegister.reply]: BigInt(reply),
      [callRegister.nbSendRecvDestination]: BigInt(sendTo),
      [callRegister.messageInfo]: messageInfoWord({ label, length: words.length, extraCaps: caps.length }),
    };
    const buffer = bufferOf(this.state, this.state.current!, false);
    const memory: Record<number, bigint> = {};
    const setWord = (index: number, word: number | bigint): void => {
      if (buffer !== null) memory[buffer + 8 * index] = BigInt.asUintN(64, BigInt(word));
    };
    words.forEach((word, i) => {
      if (i < 4) registers[callRegister.message0 + i] = BigInt.asUintN(64, BigInt(word));
      else setWord(ipcBuffer.message + i, word);
    });
    caps.forEach((address, i) => {
      setWord(ipcBuffer.capsOrBadges + i, address);
    });
    slot?.forEach((word, i) => {
      setWord(ipcBuffer.receiveCNode + i, word);
    });
    return { registers, memory };
  }

  /** Time passes, and the timer goes off whenever it is due. */
  private compute(us: number): string[] {
    const until = Math.max(this.now, this.state.now) + us * ticksPerUs;
    while (this.state.deadline <= until) {
      this.now = Math.max(this.now, this.state.deadline);
      const found = this.both({ kind: 'timer' }, () => this.world.microvisor.timer(this.world.harts[0]!));
      if (found.length > 0) return found;
    }
    this.now = until;
    return [];
  }
  /** Who runs. */
  get current(): string {
    return this.world.current().name;
  }
  /** Whether nothing can happen any more but interrupts. */
  get isAsleep(): boolean {
    return this.state.current === null && this.state.deadline === Infinity;
  }
  private get now(): number {
    return this.world.clocks[0]! / this.world.kernel.cyclesPerTick;
  }
  private set now(ticks: number) {
    this.world.clocks[0] = ticks * this.world.kernel.cyclesPerTick;
  }

  private both(trap: Trap, enter: () => void, written: Partial<Event> = {}): string[] {
    const { pending } = this;
    this.world.pending = pending;
    const { now } = this;
    enter();
    this.state = step(this.state, { ...written, now, interrupted: pending, trap });
    return differences(this.abstraction.state(now), { ...this.state, interrupted: false }, ['kernel', 'specification']);
  }
}
