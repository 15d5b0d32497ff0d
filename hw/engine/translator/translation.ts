// Translating a region into a WebAssembly function: structured control flow around the templates of its instructions.
//
// (context, cycles left, virtual address of the head's page) → cycles left, and the context's pc. Registers are in locals:
// loaded at entry, written back in the one exit. A region neither traps nor calls devices: it leaves before an
// instruction that needs more than a TLB hit, and has bit 31 of the result set: the interpreter is to execute that one.

import type { Decoded } from '../../isa/decode.ts';
import { instructionKinds } from '../../isa/instruction-kind.ts';
import type { FpOperation } from '../../isa/semantics.ts';
import { instructions } from '../../isa/table.ts';
import { type Fn, type FunctionBuilder, type Label, Local, type ModuleBuilder } from '../../wasm/module.ts';
import { holeValues } from '../../wasm/template.ts';
import { leftBefore } from '../../wasm/template-builder.ts';
import { I32, I64, load } from '../../wasm/values.ts';
import { control, context as fields, foundPage, type Layout } from '../layout.ts';
import { spanOf } from '../softfloat/fast-path.ts';
import { flags } from '../softfloat/flags.ts';
import { ControlFlow } from './control-flow.ts';
import { holes, setRam, templateOf } from './instruction-template.ts';
import type { Node, Region, Way } from './region.ts';
import { declareFrame, departure, frame, regionParams } from './region-frame.ts';

export type Softfloat = (operation: FpOperation) => Fn<readonly ['i32', 'i32', 'i64', 'i64', 'i64'], 'i64'>;

/** A tag with this bit equals no masked address, as in the TLB. */
const noTag = I64.of(0x800);

/** Registers are numbered x0 to x31, f0 to f31; the fields of instructions that have no such operand name 32 that don't exist. */
const firstF = 32;
const registerCount = 64;
const fileOf = (use: string | undefined): number => (use === 'x' ? 0 : use === 'f' ? firstF : registerCount);
const files = instructions.map(({ operands: { rd, rs1, rs2, rs3 } }) => ({
  rd: fileOf(rd),
  rs1: fileOf(rs1),
  rs2: fileOf(rs2),
  rs3: fileOf(rs3),
}));

/** For each register, 0. */
const none: readonly number[] = new Array(registerCount + 32).fill(0);

/** What fills the holes of the template at hand. */
const values = holeValues();

/** The `foundPage` of loads by a base register, and of stores. */
const foundByLoads = (base: number): number => control.foundPages + base * foundPage.size;
const foundByStores = (base: number): number => foundByLoads(32 + base);

function setFoundPages(base: number): void {
  values[holes.foundByLoads.tag] = foundByLoads(base) + foundPage.tag;
  values[holes.foundByLoads.addend] = foundByLoads(base) + foundPage.addend;
  values[holes.foundByStores.tag] = foundByStores(base) + foundPage.tag;
  values[holes.foundByStores.addend] = foundByStores(base) + foundPage.addend;
}

class Translation {
  private readonly flow: ControlFlow;
  /** Indices of the registers' locals; 0: the region does not use it. */
  private readonly locals = none.slice();
  private readonly written = none.slice();
  private usesFp = false;
  /** Those that its accesses use. */
  private readonly foundPages = new Set<number>();
  /** Where `leaveTo` is an address, and where it is a `departure`. */
  private exit!: Label;
  private leaving!: Label;
  private readonly loops = new Map<Node, Label>();
  private readonly merges = new Map<Node, Label>();

  constructor(
    private readonly builder: FunctionBuilder,
    region: Region,
    /** Given if the region looks nothing up. */
    private readonly open: Layout | undefined,
    private readonly softfloat: Softfloat,
  ) {
    this.flow = new ControlFlow(region);
    for (const { steps } of this.flow.order) for (const step of steps) this.note(step);
    declareFrame(builder);
    const { locals } = this;
    for (let register = 1; register < registerCount; register++) {
      if (locals[register] !== 0) locals[register] = builder.local(register < firstF ? 'i64' : 'f64').index;
    }
  }

  private note({ op, rd, rs1, rs2, rs3 }: Readonly<Decoded>): void {
    const { locals } = this;
    const file = files[op]!;
    locals[file.rd + rd] = 1;
    locals[file.rs1 + rs1] = 1;
    locals[file.rs2 + rs2] = 1;
    locals[file.rs3 + rs3] = 1;
    this.written[file.rd + rd] = 1;
    const { usesFp, accessesMemory, changesMemory } = instructionKinds[op]!;
    this.usesFp ||= usesFp;
    if (accessesMemory) this.foundPages.add(foundByLoads(rs1));
    if (changesMemory) this.foundPages.add(foundByStores(rs1));
  }

  /** Does something with each register that the region uses: its local, and its offset in the context. */
  private registers(among: readonly number[], each: (local: Local<'i64' | 'f64'>, offset: number) => void): void {
    for (let register = 1; register < registerCount; register++) {
      if (among[register] === 0) continue;
      const index = this.locals[register]!;
      if (register < firstF) each(new Local(index, 'i64'), fields.x + 8 * register);
      else each(new Local(index, 'f64'), fields.f + 8 * (register - firstF));
    }
  }

  emit(): void {
    const { builder: f } = this;
    const context = frame.context.get;
    this.registers(this.locals, (local, offset) => f.set(local, load[local.kind](context, offset)));
    if (this.open) setRam(values, this.open);
    else {
      f.set(frame.dataBank, load.i32(context, fields.dataBank));
      for (const found of this.foundPages) f.store('i64', I32.of(0), noTag, found + foundPage.tag);
    }
    f.block((exit) => {
      this.exit = exit;
      f.block((leaving) => {
        this.leaving = leaving;
        if (this.usesFp) this.enterFp();
        this.tree(this.flow.head);
      });
      this.depart();
    });
    this.registers(this.written, (local, offset) => f.store(local.kind, context, local.get, offset));
    if (this.usesFp) {
      f.store('i32', context, load.i32(context, fields.fpDirty).or(frame.fpWritten.get), fields.fpDirty);
    }
    f.store('i64', context, frame.leaveTo.get, fields.pc);
    f.return(frame.left.get);
  }

  private depart(): void {
    const { builder: f } = this;
    const { left, leaveTo, base } = frame;
    const code = leaveTo.get.wrap();
    const interpret = code.and(departure.interpret).shl(departure.interpretShift);
    f.set(left, left.get.add(code.and(departure.unused)).or(interpret));
    f.set(leaveTo, base.get.add(leaveTo.get.shrS(departure.offsetShift)));
  }

  /** Nothing in a region turns floating point off or changes frm: what needs the interpreter for that is told here. */
  private enterFp(): void {
    const { builder: f } = this;
    const context = frame.context.get;
    const frm = f.let(load.i32(context, fields.frm));
    f.set(frame.span, spanOf(frm.eqz(), load.i32(context, fields.fflags).and(flags.inexact)));
    const unable = load.i32(context, fields.fpOff).or(frm.gtU(4));
    f.if(unable, () => this.leave(this.flow.head.offset, 0, true), undefined, false);
  }

  // ---- control flow

  private tree(node: Node): void {
    const merges = this.flow.mergesBelow(node);
    if (!this.flow.isLoopHead(node)) {
      this.within(node, merges, merges.length);
      return;
    }
    this.builder.loop((label) => {
      this.loops.set(node, label);
      this.within(node, merges, merges.length);
    });
  }

  /** The node, inside blocks at whose ends the first `count` of the merges that it dominates begin. */
  private within(node: Node, merges: readonly Node[], count: number): void {
    if (count === 0) {
      this.body(node);
      return;
    }
    const last = merges[count - 1]!;
    this.builder.block((label) => {
      this.merges.set(last, label);
      this.within(node, merges, count - 1);
    });
    this.tree(last);
  }

  private body(node: Node): void {
    const { builder: f } = this;
    const { left } = frame;
    const { steps } = node;
    if (this.flow.isLoopHead(node)) {
      f.if(left.get.ltU(this.flow.longest(node)), () => this.leave(node.offset, 0, false), undefined, false);
    }
    if (steps.length > 0) f.set(left, left.get.sub(steps.length));
    values[holes.leaving] = f.distanceTo(this.leaving);
    let { offset } = node;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index]!;
      this.place(step, offset, steps.length - index);
      offset += step.length;
    }
    this.terminate(node);
  }

  /** An instruction; `unused` cycles of its node are left before it. */
  private place(decoded: Readonly<Decoded>, offset: number, unused: number): void {
    const { locals } = this;
    const { template, softfloat } = templateOf(decoded, this.open !== undefined);
    const file = files[decoded.op]!;
    values[holes.rd] = locals[file.rd + decoded.rd]!;
    values[holes.rs1] = locals[file.rs1 + decoded.rs1]!;
    values[holes.rs2] = locals[file.rs2 + decoded.rs2]!;
    values[holes.rs3] = locals[file.rs3 + decoded.rs3]!;
    values[holes.imm] = decoded.imm;
    values[holes.pc] = offset;
    values[holes.nextPc] = offset + decoded.length;
    if (instructionKinds[decoded.op]!.accessesMemory) setFoundPages(decoded.rs1);
    values[holes.departure] = departure.of(offset, unused, true);
    if (softfloat) values[holes.softfloat] = this.softfloat(softfloat).index();
    this.builder.place(template, values);
  }

  private terminate(node: Node): void {
    const { builder: f } = this;
    const { ways } = node;
    switch (node.end) {
      case 'jump':
        this.go(node, ways[0]!);
        return;
      case 'branch':
        f.if(leftBefore(), () => this.go(node, ways[0]!), undefined, likely(ways[0]!));
        this.go(node, ways[1]!);
        return;
      case 'return':
      case 'indirect':
        for (const way of ways) {
          if (way.to) f.if(frame.target.get.eq(this.address(way.offset)), () => this.go(node, way));
        }
        f.set(frame.leaveTo, frame.target.get);
        f.br(this.exit);
        return;
      case 'interpret':
        this.leave(node.next, 0, true);
    }
  }

  private go(from: Node, { to, offset }: Way): void {
    const { builder: f } = this;
    if (!to) this.leave(offset, 0, false);
    else if (this.flow.isBack(from, to)) this.again(from, to);
    else if (this.flow.isMerge(to)) f.br(this.merges.get(to)!);
    else this.tree(to);
  }

  /** Another turn of a loop. One that only waits makes all its turns at once. */
  private again(from: Node, to: Node): void {
    const { builder: f } = this;
    const turn = this.flow.onlyWay(to, from)?.flatMap(({ steps }) => steps) ?? [];
    if (onlyWaits(turn)) f.set(frame.left, frame.left.get.remU(turn.length));
    f.br(this.loops.get(to)!);
  }

  private address(offset: number): I64 {
    return frame.base.get.add(offset);
  }

  /** Leaves the region before the instruction at `offset`; `unused` cycles were counted too many. */
  private leave(offset: number, unused: number, interpret: boolean): void {
    this.builder.set(frame.leaveTo, I64.of(departure.of(offset, unused, interpret)));
    this.builder.br(this.leaving);
  }

  /** See `ControlFlow.longest`. */
  get needed(): number {
    return this.flow.longest(this.flow.head);
  }
}

/**
 * Whether the instructions of a loop do the same in every turn: they change no memory, and what one of them writes no earlier one
 * has read. Nobody else changes memory while the hart's slice lasts, so such a loop waits for what happens when it ends.
 */
function onlyWaits(turn: readonly Readonly<Decoded>[]): boolean {
  const read = none.slice();
  for (const { op, rd, rs1, rs2, rs3 } of turn) {
    const { changesMemory, usesFp } = instructionKinds[op]!;
    const file = files[op]!;
    read[file.rs1 + rs1] = 1;
    read[file.rs2 + rs2] = 1;
    read[file.rs3 + rs3] = 1;
    const written = file.rd + rd;
    if (changesMemory || usesFp || (written > 0 && written < registerCount && read[written] === 1)) return false;
  }
  return turn.length > 0;
}

/** Whether a way is mostly taken; undefined: it is and it is not. */
const likely = ({ share }: Way): boolean | undefined => (share > 0.9 ? true : share < 0.1 ? false : undefined);

/** Defines the region's function; also tells how many cycles must be left to enter it. */
export function defineRegion(
  module: ModuleBuilder,
  region: Region,
  open: Layout | undefined,
  softfloat: Softfloat,
): { fn: Fn<typeof regionParams, 'i32'>; needed: number } {
  let needed = 0;
  const fn = module.function(regionParams, 'i32', (f) => {
    const translation = new Translation(f, region, open, softfloat);
    translation.emit();
    needed = translation.needed;
  });
  return { fn, needed };
}
