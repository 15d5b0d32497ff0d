// An instruction in a region: what the table says it means, as a template for all instructions that differ in their
// registers and constants only. Registers are in locals.

import type { Decoded } from '../../isa/decode.ts';
import { instructionKinds } from '../../isa/instruction-kind.ts';
import type { FpOperation, LoadKind, Semantics, Size, Source } from '../../isa/semantics.ts';
import { instructions, operation as numberOf } from '../../isa/table.ts';
import { holeIndex } from '../../wasm/code.ts';
import { hostFuses } from '../../wasm/host-fma.ts';
import { Fn } from '../../wasm/module.ts';
import type { HoleValues, Template } from '../../wasm/template.ts';
import { constantHole, labelHole, localHole, offsetHole, TemplateBuilder } from '../../wasm/template-builder.ts';
import { type F64, I32, I64, load } from '../../wasm/values.ts';
import { tlbEntry } from '../access.ts';
import { AtomicSemantics, loadSizes, loads, storeKinds } from '../atomic-semantics.ts';
import { type Layout, pageFlags, pages, tlb } from '../layout.ts';
import { ramBase } from '../memory.ts';
import { access } from '../physical.ts';
import { boxSingle, unlessExact } from '../softfloat/fast-path.ts';
import { operands as softfloatOperands } from '../softfloat/operation.ts';
import { fastPath } from '../softfloat/paths.ts';
import { frame } from './region-frame.ts';

/** What a use of an instruction's template gives. */
export const holes = {
  /** Locals of the registers. */
  rd: 0,
  rs1: 1,
  rs2: 2,
  rs3: 3,
  imm: 4,
  /** Offsets of this instruction and the next. */
  pc: 5,
  nextPc: 6,
  /** The `departure` before this instruction, and the label that it goes to. */
  departure: 7,
  leaving: 8,
  /** Index of the exact function. */
  softfloat: 9,
  /** The last distance from the beginning of RAM at which an access may begin; then the same in units of 2, 4 and 8 bytes. */
  ramLast: 10,
  /** What to add to a physical address for the host's. */
  ramAddend: 14,
  /** Offsets of the `foundPage` of loads by its base register, and of that of stores. */
  foundByLoads: { tag: 16, addend: 17 },
  foundByStores: { tag: 18, addend: 19 },
} as const;

/** Fills the holes that the accesses of a region have which looks nothing up. */
export function setRam(values: HoleValues, { ram, ramSize }: Layout): void {
  for (let shift = 0; shift <= 3; shift++) values[holes.ramLast + shift] = (ramSize - 8) / 2 ** shift;
  values[holes.ramAddend] = ram - ramBase;
}

export interface InstructionTemplate {
  readonly template: Template;
  /** The exact function that it calls. */
  readonly softfloat: FpOperation | undefined;
}

const jal = numberOf('jal');
const dynamicRounding = 7;

class InstructionSemantics extends AtomicSemantics implements Semantics {
  private readonly operands: (typeof instructions)[number]['operands'];
  /** An object for each f register, by which `fastPath` knows them. */
  private readonly fValues = new Map<number, F64>();
  softfloat: FpOperation | undefined;

  constructor(
    protected override readonly builder: TemplateBuilder,
    private readonly decoded: Readonly<Decoded>,
    private readonly open: boolean,
  ) {
    super(builder, frame.context.get);
    this.operands = instructions[decoded.op]!.operands;
  }

  private leave(): void {
    this.builder.set(frame.leaveTo, constantHole(holes.departure));
    this.builder.br(labelHole(holes.leaving));
  }

  // ---- registers

  x(source: Source): I64 {
    return this.decoded[source] === 0 ? I64.zero : localHole(holes[source], 'i64').get;
  }
  setX(value: I64): void {
    if (this.decoded.rd !== 0) this.builder.set(localHole(holes.rd, 'i64'), value);
  }
  f(source: Source): I64 {
    const number = this.decoded[source];
    const value = this.fValues.get(number) ?? localHole(holes[source], 'f64').get;
    this.fValues.set(number, value);
    return value.bits();
  }
  setF(value: I64): void {
    this.builder.set(localHole(holes.rd, 'f64'), value.f64Bits());
    this.builder.set(frame.fpWritten, I32.of(1));
  }
  imm(): I64 {
    return this.decoded.imm === 0 ? I64.zero : constantHole(holes.imm);
  }
  pc(): I64 {
    return frame.base.get.add(constantHole(holes.pc));
  }
  nextPc(): I64 {
    return frame.base.get.add(constantHole(holes.nextPc));
  }
  let(value: I64): I64 {
    return this.builder.let(value);
  }

  // ---- memory

  /** Host address of an access to RAM by its physical address; a store to a page with code or a watched one is left to the interpreter. */
  private ramHost(va: I64, size: Size, table: number, aligned: boolean): I32 {
    const { builder: f } = this;
    const distance = va.sub(ramBase);
    const stores = table === tlb.write;
    // Turned so that a misaligned one is beyond any range: a misaligned store may reach into a page with code.
    const shift = stores || aligned ? 31 - Math.clz32(size) : 0;
    const turned = shift === 0 ? distance : distance.rotr(shift);
    f.if(turned.gtU(constantHole(holes.ramLast + shift)), () => this.leave(), undefined, false);
    const host = f.let(va.wrap().add(constantHole(holes.ramAddend).wrap()));
    if (stores) {
      const special = load.u8(host.shrU(12), pages.flags).and(pageFlags.code | pageFlags.watched);
      f.if(special, () => this.leave(), undefined, false);
    }
    return host;
  }

  /** Host address of an access that the TLB knows. */
  private host(va: I64, size: Size, table: number, aligned: boolean): I32 {
    if (this.open) return this.ramHost(va, size, table, aligned);
    const { builder: f } = this;
    const found = table === tlb.read ? holes.foundByLoads : holes.foundByStores;
    const foundTag = offsetHole(found.tag);
    const foundAddend = offsetHole(found.addend);
    const anywhere = I32.of(0);
    const wanted = f.let(va.and(-4096 | (size - 1)));
    const lookUp = (): void => {
      const entry = f.let(tlbEntry(frame.dataBank.get, va, table));
      const tag = f.let(load.i64(entry));
      const misses = aligned || size === 1 ? tag.ne(wanted) : tag.ne(va.and(-4096)).or(crossesPage(va, size));
      f.if(misses, () => this.leave(), undefined, false);
      f.store('i64', anywhere, tag, foundTag);
      f.store('i32', anywhere, load.i32(entry, 8), foundAddend);
    };
    f.if(load.i64(anywhere, foundTag).ne(wanted), lookUp, undefined, false);
    return va.wrap().add(load.i32(anywhere, foundAddend));
  }

  load(kind: LoadKind, address: I64): I64 {
    const { builder: f } = this;
    const host = this.host(f.let(address), loadSizes[kind], tlb.read, false);
    if (kind === 'i64' && this.operands.rd === 'f') return f.let(load.f64(host)).bits();
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
  /** Nobody is to be told: `host` leaves before a store to a watched page. */
  protected override atomicStored(): void {}

  // ---- jumps

  /** The node's end goes on from the condition. */
  branch(condition: I32): void {
    this.builder.leaveValue(condition);
  }
  /** The target of jal is known from the node's end. */
  jump(target: I64): void {
    if (this.decoded.op !== jal) this.builder.set(frame.target, target);
  }

  // ---- floating point

  requireFp(): void {}
  /** The fast path; where it will not do, the interpreter's turn. A call there would have every register spilled around it. */
  fp(operation: FpOperation, ...operands: I64[]): I64 {
    const { builder: f } = this;
    const { op, rm } = this.decoded;
    const { rounds } = instructionKinds[op]!;
    if (rounds && rm > 4 && rm !== dynamicRounding) this.leave();
    f.set(frame.fpWritten, I32.of(1));
    const inX = this.operands.rs1 === 'x';
    const sources = operands.map((operand) => (inX ? f.let(operand) : operand.f64Bits()));
    const rounding = rounds ? rm : dynamicRounding;
    const path = fastPath(f, operation, sources, { span: frame.span.get, rounding, hostFuses: hostFuses() });
    if (!path) {
      const [a = I64.zero, b = I64.zero, c = I64.zero] = operands;
      this.softfloat = operation;
      const exact = new Fn(() => holeIndex(holes.softfloat), { params: softfloatOperands, result: 'i64' });
      return f.let(exact.call(this.context, I32.of(rm), a, b, c));
    }
    unlessExact(f, path, () => this.leave());
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
}

/** Whether an access reaches beyond the page. */
const crossesPage = (va: I64, size: Size): I32 =>
  va
    .wrap()
    .and(0xfff)
    .gtU(4096 - size);

/** Of regions that look nothing up, and of others. */
const templates = { open: new Map<number, InstructionTemplate>(), paged: new Map<number, InstructionTemplate>() };

/** What of the operands its template depends on: registers and an immediate that are zero; which are the same f register, and rm. */
function variantOf({ op, rd, rs1, rs2, rs3, imm, rm }: Readonly<Decoded>): number {
  const zeros = (rd === 0 ? 1 : 0) | (rs1 === 0 ? 2 : 0) | (rs2 === 0 ? 4 : 0) | (imm === 0 ? 8 : 0);
  const variant = (op << 4) | zeros;
  if (!instructionKinds[op]!.usesFp) return variant;
  const same = (rs1 === rs2 ? 1 : 0) | (rs1 === rs3 ? 2 : 0) | (rs2 === rs3 ? 4 : 0);
  return (1 << 30) | (variant << 6) | (same << 3) | rm;
}

/** The template of an instruction. A branch leaves its condition behind. */
export function templateOf(decoded: Readonly<Decoded>, open: boolean): InstructionTemplate {
  const variant = variantOf(decoded);
  const among = open ? templates.open : templates.paged;
  const known = among.get(variant);
  if (known) return known;
  const builder = new TemplateBuilder();
  const semantics = new InstructionSemantics(builder, decoded, open);
  instructions[decoded.op]!.semantics(semantics);
  const made = { template: builder.template(), softfloat: semantics.softfloat };
  among.set(variant, made);
  return made;
}
