// What loads, stores and atomics have in common for the interpreter and the translator: widths, and what is done at a host
// address once it is known.

import type { LoadKind, Size } from '../isa/semantics.ts';
import type { FunctionBuilder } from '../wasm/module.ts';
import { type I32, I64, load } from '../wasm/values.ts';
import { context as fields } from './layout.ts';
import { access, zero64 } from './physical.ts';

export const loadSizes: Record<LoadKind, Size> = { s8: 1, u8: 1, s16: 2, u16: 2, s32: 4, u32: 4, i64: 8 };
export const loads = {
  s8: load.s8to64,
  u8: load.u8to64,
  s16: load.s16to64,
  u16: load.u16to64,
  s32: load.s32to64,
  u32: load.u32to64,
  i64: load.i64,
};
export const storeKinds = { 1: 'i64as8', 2: 'i64as16', 4: 'i64as32', 8: 'i64' } as const;

/** Atomics, for whoever finds the host address of an aligned access. */
export abstract class AtomicSemantics {
  protected constructor(
    protected readonly builder: FunctionBuilder,
    /** Base of the context. */
    protected readonly context: I32,
  ) {}

  /** Host address of an aligned access; whatever has none leaves the instruction. */
  protected abstract atomicHost(size: Size, va: I64, kind: typeof access.read | typeof access.write): I32;

  /** The access at this host address has stored. */
  protected abstract atomicStored(size: Size, host: I32): void;

  private loadWidth(size: Size, host: I32): I64 {
    return this.builder.let(size === 4 ? load.s32to64(host) : load.i64(host));
  }
  private storeWidth(size: Size, host: I32, value: I64): void {
    this.builder.store(size === 4 ? 'i64as32' : 'i64', host, value);
  }

  rmw(size: Size, address: I64, next: (old: I64) => I64): I64 {
    const va = this.builder.let(address);
    const host = this.atomicHost(size, va, access.write);
    const old = this.loadWidth(size, host);
    this.storeWidth(size, host, next(old));
    this.atomicStored(size, host);
    return old;
  }

  loadReserved(size: Size, address: I64): I64 {
    const va = this.builder.let(address);
    const host = this.atomicHost(size, va, access.read);
    this.builder.store('i64', this.context, host.i64U(), fields.reservation);
    return this.loadWidth(size, host);
  }

  storeConditional(size: Size, address: I64, value: I64): I64 {
    const { builder: f, context } = this;
    const va = f.let(address);
    const host = this.atomicHost(size, va, access.write);
    const result = f.local('i64');
    f.set(result, I64.of(1));
    f.if(host.i64U().eq(load.i64(context, fields.reservation)), () => {
      this.storeWidth(size, host, value);
      this.atomicStored(size, host);
      f.set(result, zero64);
    });
    f.store('i64', context, I64.of(-1), fields.reservation);
    return result.get;
  }
}
