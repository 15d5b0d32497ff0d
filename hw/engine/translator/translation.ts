// Translating a region into a WebAssembly function: the second back end of the instruction table's semantics.
//
// (context, cycles left, virtual address of the head's page) → cycles left, and the context's pc. Registers are in locals:
// loaded at entry, written back in the one exit. A region neither traps nor calls devices: it leaves before an
// instruction that needs more than a TLB hit, and has bit 31 of the result set: the interpreter is to execute that one.

import { instructionKinds } from '../../isa/instruction-kind.ts';
import type { FpOperation, LoadKind, Semantics, Size, Source } from '../../isa/semantics.ts';
import { instructions } from '../../isa/table.ts';
import { hostFuses } from '../../wasm/host-fma.ts';
import type { Fn, FunctionBuilder, Label, Local, ModuleBuilder } from '../../wasm/module.ts';
import { type F64, I32, I64, load } from '../../wasm/values.ts';
import { tlbEntry } from '../access.ts';
import { AtomicSemantics, loadSizes, loads, storeKinds } from '../atomic-semantics.ts';
import { context as fields, tlb } from '../layout.ts';
import { access } from '../physical.ts';
import { boxSingle, spanOf, unlessExact } from '../softfloat/fast-path.ts';
import { flags } from '../softfloat/flags.ts';
import { fastPath } from '../softfloat/paths.ts';
import { type ControlFlow, controlFlow } from './control-flow.ts';
import type { Node, Region, Step, Way } from './region.ts';

/** Set in what a region returns: the interpreter executes the next instruction. */
export const interpretNext = 0x8000_0000;

export const regionParams = ['i32', 'i32', 'i64'] as const;

export type Softfloat = (operation: FpOperation) => Fn<readonly ['i32', 'i32', 'i64', 'i64', 'i64'], 'i64'>;

/** A page that was found in the TLB, and what to add to an address in it; as the TLB holds them. */
interface CachedPage {
  readonly tag: Local<'i64'>;
  readonly addend: Local<'i32'>;
}

const zero = I64.of(0);
/** A tag with this bit equals no masked address, as in the TLB. */
const noTag = I64.of(0x800);
const dynamicRounding = 7;

class Translation extends AtomicSemantics implements Semantics {
  private readonly flow: ControlFlow;
  private readonly x_ = new Map<number, Local<'i64'>>();
  private readonly f_ = new Map<number, Local<'f64'>>();
  /** The values of `f_`; an object for each register, by which `fastPath` knows them. */
  private readonly fValues = new Map<number, F64>();
  private readonly xWritten = new Set<number>();
  private readonly fWritten = new Set<number>();
  private readonly dataBank: Local<'i32'>;
  private readonly pages: Record<'load' | 'store' | 'stackLoad' | 'stackStore', CachedPage>;
  /** Address of the next instruction when the region is left. */
  private readonly leaveTo: Local<'i64'>;
  /** Where the current node's jump goes. */
  private readonly target: Local<'i64'>;
  private readonly span: Local<'i64'>;
  private readonly fpWritten: Local<'i32'>;
  private usesFp = false;
  private exit!: Label;
  private readonly loops = new Map<Node, Label>();
  private readonly merges = new Map<Node, Label>();

  // The step that is being translated, and how many cycles of its node are left before it.
  private step!: Step;
  private unused = 0;
  private condition: I32 | undefined;

  constructor(
    builder: FunctionBuilder,
    contextParam: Local<'i32'>,
    private readonly left: Local<'i32'>,
    private readonly base: Local<'i64'>,
    region: Region,
    private readonly softfloat: Softfloat,
  ) {
    super(builder, contextParam.get);
    this.flow = controlFlow(region);
    const page = (): CachedPage => ({ tag: builder.local('i64'), addend: builder.local('i32') });
    this.pages = { load: page(), store: page(), stackLoad: page(), stackStore: page() };
    this.dataBank = builder.local('i32');
    this.leaveTo = builder.local('i64');
    this.target = builder.local('i64');
    this.span = builder.local('i64');
    this.fpWritten = builder.local('i32');
    for (const node of this.flow.order) for (const { decoded } of node.steps) this.note(decoded);
  }

  private note({ op, rd, rs1, rs2, rs3 }: Step['decoded']): void {
    const { operands } = instructions[op]!;
    this.usesFp ||= instructionKinds[op]!.usesFp;
    const numbers = { rd, rs1, rs2, rs3 };
    for (const field of ['rd', 'rs1', 'rs2', 'rs3'] as const) {
      const use = operands[field];
      const number = numbers[field];
      if (use === 'f') {
        if (!this.f_.has(number)) {
          const local = this.builder.local('f64');
          this.f_.set(number, local);
          this.fValues.set(number, local.get);
        }
        if (field === 'rd') this.fWritten.add(number);
      } else if (use === 'x' && number !== 0) {
        if (!this.x_.has(number)) this.x_.set(number, this.builder.local('i64'));
        if (field === 'rd') this.xWritten.add(number);
      }
    }
  }

  emit(): void {
    const { builder: f, context } = this;
    for (const [number, local] of this.x_) f.set(local, load.i64(context, fields.x + 8 * number));
    for (const [number, local] of this.f_) f.set(local, load.f64(context, fields.f + 8 * number));
    f.set(this.dataBank, load.i32(context, fields.dataBank));
    for (const { tag } of Object.values(this.pages)) f.set(tag, noTag);
    f.block((exit) => {
      this.exit = exit;
      if (this.usesFp) this.enterFp();
      this.tree(this.flow.head);
    });
    for (const number of this.xWritten) f.store('i64', context, this.x_.get(number)!.get, fields.x + 8 * number);
    for (const number of this.fWritten) f.store('f64', context, this.f_.get(number)!.get, fields.f + 8 * number);
    if (this.usesFp) {
      f.store('i32', context, load.i32(context, fields.fpDirty).or(this.fpWritten.get), fields.fpDirty);
    }
    f.store('i64', context, this.leaveTo.get, fields.pc);
    f.return(this.left.get);
  }

  /** Nothing in a region turns floating point off or changes frm: what needs the interpreter for that is told here. */
  private enterFp(): void {
    const { builder: f, context } = this;
    const frm = f.let(load.i32(context, fields.frm));
    f.set(this.span, spanOf(frm.eqz(), load.i32(context, fields.fflags).and(flags.inexact)));
    const unable = load.i32(context, fields.fpOff).or(frm.gtU(4));
    f.if(unable, () => this.leave(this.flow.head.offset, 0, true), undefined, false);
  }

  // ---- control flow

  private tree(node: Node): void {
    const merges = this.flow.dominated(node).filter((one) => this.flow.isMerge(one));
    if (!this.flow.isLoopHead(node)) {
      this.within(node, merges);
      return;
    }
    this.builder.loop((label) => {
      this.loops.set(node, label);
      this.within(node, merges);
    });
  }

  /** The node, inside blocks at whose ends the merges that it dominates begin. */
  private within(node: Node, merges: readonly Node[]): void {
    const last = merges.at(-1);
    if (!last) {
      this.body(node);
      return;
    }
    this.builder.block((label) => {
      this.merges.set(last, label);
      this.within(node, merges.slice(0, -1));
    });
    this.tree(last);
  }

  private body(node: Node): void {
    const { builder: f, left } = this;
    const { length } = node.steps;
    if (this.flow.isLoopHead(node)) {
      f.if(left.get.ltU(this.flow.longest(node)), () => this.leave(node.offset, 0, false), undefined, false);
    }
    if (length > 0) f.set(left, left.get.sub(length));
    node.steps.forEach((step, index) => {
      this.step = step;
      this.unused = length - index;
      f.scoped(() => instructions[step.decoded.op]!.semantics(this));
    });
    this.terminate(node);
  }

  private terminate(node: Node): void {
    const { builder: f } = this;
    const { ways } = node;
    switch (node.end) {
      case 'jump':
        this.go(node, ways[0]!);
        return;
      case 'branch':
        f.if(this.condition!, () => this.go(node, ways[0]!), undefined, likely(ways[0]!));
        this.go(node, ways[1]!);
        return;
      case 'return':
      case 'indirect':
        for (const way of ways) {
          if (way.to) f.if(this.target.get.eq(this.address(way.offset)), () => this.go(node, way));
        }
        f.set(this.leaveTo, this.target.get);
        f.br(this.exit);
        return;
      case 'interpret':
        this.leave(node.next, 0, true);
    }
  }

  private go(from: Node, { to, offset }: Way): void {
    const { builder: f } = this;
    if (!to) this.leave(offset, 0, false);
    else if (this.flow.isBack(from, to)) f.br(this.loops.get(to)!);
    else if (this.flow.isMerge(to)) f.br(this.merges.get(to)!);
    else this.tree(to);
  }

  private address(offset: number): I64 {
    return offset === 0 ? this.base.get : this.base.get.add(offset);
  }

  /** Leaves the region before the instruction at `offset`; `unused` cycles were counted too many. */
  private leave(offset: number, unused: number, interpret: boolean): void {
    const { builder: f, left } = this;
    f.set(this.leaveTo, this.address(offset));
    const rest = unused === 0 ? left.get : left.get.add(unused);
    if (unused !== 0 || interpret) f.set(left, interpret ? rest.or(interpretNext | 0) : rest);
    f.br(this.exit);
  }
  private leaveStep(): void {
    this.leave(this.step.offset, this.unused, true);
  }

  // ---- registers

  x(source: Source): I64 {
    const number = this.step.decoded[source];
    return number === 0 ? zero : this.x_.get(number)!.get;
  }
  setX(value: I64): void {
    const { rd } = this.step.decoded;
    if (rd !== 0) this.builder.set(this.x_.get(rd)!, value);
  }
  f(source: Source): I64 {
    return this.fValues.get(this.step.decoded[source])!.bits();
  }
  setF(value: I64): void {
    this.builder.set(this.f_.get(this.step.decoded.rd)!, value.f64Bits());
    this.builder.set(this.fpWritten, I32.of(1));
  }
  imm(): I64 {
    return I64.of(this.step.decoded.imm);
  }
  pc(): I64 {
    return this.address(this.step.offset);
  }
  nextPc(): I64 {
    return this.address(this.step.offset + this.step.decoded.length);
  }
  let(value: I64): I64 {
    return this.builder.let(value);
  }

  // ---- memory

  private cachedPage(table: number): CachedPage {
    const stack = this.step.decoded.rs1 === 2;
    if (table === tlb.read) return stack ? this.pages.stackLoad : this.pages.load;
    return stack ? this.pages.stackStore : this.pages.store;
  }

  /** Host address of an access that the TLB knows. */
  private host(va: I64, size: Size, table: number, aligned: boolean): I32 {
    const { builder: f } = this;
    const { tag, addend } = this.cachedPage(table);
    const wanted = va.and(-4096 | (size - 1));
    const lookUp = (): void => {
      const entry = f.let(tlbEntry(this.dataBank.get, va, table));
      const found = f.let(load.i64(entry));
      const misses = aligned || size === 1 ? found.ne(wanted) : found.ne(va.and(-4096)).or(crossesPage(va, size));
      f.if(misses, () => this.leaveStep(), undefined, false);
      f.set(tag, found);
      f.set(addend, load.i32(entry, 8));
    };
    f.if(wanted.ne(tag.get), lookUp, undefined, false);
    return va.wrap().add(addend.get);
  }

  load(kind: LoadKind, address: I64): I64 {
    const { builder: f } = this;
    const host = this.host(f.let(address), loadSizes[kind], tlb.read, false);
    const { operands } = instructions[this.step.decoded.op]!;
    if (kind === 'i64' && operands.rd === 'f') return f.let(load.f64(host)).bits();
    return f.let(loads[kind](host));
  }
  store(size: Size, address: I64, value: I64): void {
    const { builder: f } = this;
    const host = this.host(f.let(address), size, tlb.write, false);
    if (size === 8 && value.double) f.store('f64', host, value.double);
    else f.store(storeKinds[size], host, value);
  }
  protected override atomicHost(size: Size, va: I64, kind: number): I32 {
    return this.builder.let(this.host(va, size, kind === access.write ? tlb.write : tlb.read, true));
  }

  // ---- jumps

  branch(condition: I32): void {
    this.condition = condition;
  }
  /** The target of jal is known from the terminator. */
  jump(target: I64): void {
    this.builder.set(this.target, target);
  }

  // ---- floating point

  requireFp(): void {}
  /** The fast path; where it will not do, the interpreter's turn. A call there would have every register spilled around it. */
  fp(operation: FpOperation, ...operands: I64[]): I64 {
    const { builder: f } = this;
    const { op, rm } = this.step.decoded;
    const { rounds } = instructionKinds[op]!;
    if (rounds && rm > 4 && rm !== dynamicRounding) this.leaveStep();
    f.set(this.fpWritten, I32.of(1));
    const inX = instructions[op]!.operands.rs1 === 'x';
    const sources = operands.map((operand) => (inX ? f.let(operand) : operand.f64Bits()));
    const rounding = rounds ? rm : dynamicRounding;
    const path = fastPath(f, operation, sources, { span: this.span.get, rounding, hostFuses: hostFuses() });
    if (!path) {
      const [a = zero, b = zero, c = zero] = operands;
      return f.let(this.softfloat(operation).call(this.context, I32.of(rm), a, b, c));
    }
    unlessExact(f, path, () => this.leaveStep());
    if (path.result.kind === 'f64') return path.result.get.bits();
    return path.result.kind === 'f32' ? boxSingle(path.result.get).bits() : path.result.get;
  }

  // ---- what regions end before

  environmentCall(): void {
    throw new Error('a region holds an environment call');
  }
  system(): void {
    throw new Error('a region holds a system instruction');
  }

  /** See `ControlFlow.longest`. */
  get needed(): number {
    return this.flow.longest(this.flow.head);
  }
}

/** Whether a way is mostly taken; undefined: it is and it is not. */
const likely = ({ share }: Way): boolean | undefined => (share > 0.9 ? true : share < 0.1 ? false : undefined);

/** Whether an access reaches beyond the page. */
const crossesPage = (va: I64, size: Size): I32 =>
  va
    .wrap()
    .and(0xfff)
    .gtU(4096 - size);

/** Defines the region's function; also tells how many cycles must be left to enter it. */
export function defineRegion(
  module: ModuleBuilder,
  region: Region,
  softfloat: Softfloat,
): { fn: Fn<typeof regionParams, 'i32'>; needed: number } {
  let needed = 0;
  const fn = module.function(regionParams, 'i32', (f, context, left, base) => {
    const translation = new Translation(f, context, left, base, region, softfloat);
    translation.emit();
    needed = translation.needed;
  });
  return { fn, needed };
}
