// A hart: the context that it runs, its interrupt lines, and what its CSRs and traps need of the machine around it.

import { control, context as fields } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';
import type { Size } from '../isa/semantics.ts';
import { Context } from './context.ts';

/** Which cached translations to drop: those that match every field that is given (privileged spec: SFENCE.VMA, HFENCE.*). */
export interface FenceScope {
  /** 'first': satp's or vsatp's stage; 'guest': hgatp's. A guest fence also drops the combined translations. */
  stage: 'first' | 'guest';
  virtual: boolean;
  address?: bigint;
  asid?: number;
  vmid?: number;
}

/** The machine as one hart sees it. */
export interface HartPort {
  /** Ticks of the hart's clock and instructions retired, up to the instruction that is executing. */
  cycles(): bigint;
  instret(): bigint;
  /** mtime: timebase ticks. */
  time(): bigint;
  /** satp, vsatp, hgatp, privilege, MPRV, SUM or MXR changed: choose the regimes and banks again. */
  translationChanged(): void;
  /** PMP changed: whatever is cached may allow too much, in M-mode as well. */
  protectionChanged(): void;
  fence(scope: FenceScope): void;
  /** Accesses memory in a regime of the caller's choice (HLV, HSV). undefined or false: a trap was raised. */
  loadAs(regime: number, address: bigint, size: Size, options: { executable: boolean }): bigint | undefined;
  storeAs(regime: number, address: bigint, size: Size, value: bigint): boolean;
}

/** Software that is resident in M or HS mode as a TypeScript object instead of guest code. */
export interface Supervisor {
  /** The mode it lives in: traps bound for that mode or a more privileged one arrive here. */
  readonly mode: 'M' | 'HS';
  /**
   * A trap has arrived. `hart.context` is the interrupted context with the pc of the trapping instruction; `hart.tval`,
   * `tval2`, `tinst` tell more. It may change registers, or install another context; execution goes on
   * where `hart.context.pc` says, or waits if `hart.context` has `waiting` set.
   */
  trap(hart: Hart, cause: number, interrupt: boolean): void;
}

export class Hart {
  /** mip bits that devices drive: MSIP, MTIP, MEIP and the external part of SEIP. */
  lines = 0;
  /** hgeip: guest external interrupt lines. */
  guestLines = 0n;
  context: Context;
  port!: HartPort;
  supervisor: Supervisor | undefined;

  constructor(
    readonly id: number,
    readonly memory: MachineMemory,
  ) {
    this.context = new Context(memory, memory.layout.contexts + id * fields.size);
  }

  /** The trap that is being raised or delivered. */
  get cause(): number {
    return this.memory.u32[control.cause >>> 2]!;
  }
  get tval(): bigint {
    return this.memory.u64[control.tval >>> 3]!;
  }
  get tval2(): bigint {
    return this.memory.u64[control.tval2 >>> 3]!;
  }
  get tinst(): bigint {
    return this.memory.u64[control.tinst >>> 3]!;
  }
  /** Whether tval is a guest virtual address. */
  get gva(): boolean {
    return this.memory.u32[control.gva >>> 2] !== 0;
  }

  /** Records an exception of the current instruction; the caller then leaves the instruction. */
  raise(cause: number, tval = 0n, more: { tval2?: bigint; tinst?: bigint; gva?: boolean } = nothingMore): void {
    const { u32, u64 } = this.memory;
    u32[control.cause >>> 2] = cause;
    u32[(control.cause + 4) >>> 2] = 0;
    u64[control.tval >>> 3] = tval;
    u64[control.tval2 >>> 3] = more.tval2 ?? 0n;
    u64[control.tinst >>> 3] = more.tinst ?? 0n;
    u32[control.gva >>> 2] = more.gva ? 1 : 0;
  }
}

const nothingMore = {};
