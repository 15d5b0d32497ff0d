// The interpreter: one WebAssembly function that dispatches over predecoded records, generated from the ISA table.
//
// The program counter is not stored while it runs: pc = bias + record address / 8, because every halfword of a page has a
// 16-byte record. `base` is the page's predecoded code and `page` its virtual address; while an instruction that
// straddles two pages runs, both are set to values that no jump matches, so that every jump looks its page up.

import {
  type FpOperation,
  fpOperations,
  type LoadKind,
  type Semantics,
  type Size,
  type Source,
  type SystemOperation,
} from '../isa/semantics.ts';
import { instructions, operation } from '../isa/table.ts';
import type { Fn, FunctionBuilder, Label, Local, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';
import { type Access, tlbEntry } from './access.ts';
import { AtomicSemantics, loadSizes, loads, storeKinds } from './atomic-semantics.ts';
import { codeSlot, control, context as fields, record, regionEntry, signals, special, tlb } from './layout.ts';
import { access, zero64 } from './physical.ts';
import { combinations } from './privileged/csr-access.ts';
import type { Privileged } from './privileged/index.ts';
import { outcomes } from './privileged/traps.ts';
import { countWay, observeTarget } from './profile.ts';
import { type Form, recordTypes } from './record-types.ts';
import type { Regions } from './regions.ts';
import { interpretNext } from './translator/region-frame.ts';

export type Softfloat = Record<FpOperation, Fn<readonly ['i32', 'i32', 'i64', 'i64', 'i64'], 'i64'>>;

export interface InterpreterImports {
  /** (record): decodes the instruction into its record; 0 if the page has lost its code. */
  decode: Fn<readonly ['i32'], 'i32'>;
  /** (record, word): decodes a straddling instruction into the record. */
  decodeWord: Fn<readonly ['i32', 'i32']>;
  /** (operation, record) → 'next', 'leave' or 'trap' of `outcomes`. The context's pc is this instruction's. */
  system: Fn<readonly ['i32', 'i32'], 'i32'>;
}

/** Order in which system operations are numbered for the embedder. */
export const systemOperations: SystemOperation[] = [];

const none = -1;
const jalr = instructions[operation('jalr')];
const roundedOperations = new Set<FpOperation>(fpOperations.rounded);

/**
 * The address of the record at hand, in a form that V8 does not know to be a constant of the dispatch: what is computed from
 * it, such as the pc, is computed in the cases that need it, not for every instruction before the dispatch.
 */
const inThisCase = (at: I32): I32 => at.add(load.u16(at, record.op).shrU(16));

/** Defines `(context, budget) → cycles left` as a function of the module. Without `regions`, nothing is translated. */
export function defineInterpreter(
  module: ModuleBuilder,
  memory: Access,
  softfloat: Softfloat,
  privileged: Privileged,
  imports: InterpreterImports,
  regions: Regions | undefined,
): Fn {
  return module.function(['i32', 'i32'], 'i32', (f, context, left) => {
    const at = f.local('i32'); // the current record
    const base = f.local('i32');
    const page = f.local('i64');
    const bias = f.local('i64');
    const target = f.local('i64');
    const dataBank = f.local('i32');
    const fetchBank = f.local('i32');
    const type = f.local('i32'); // of the record
    /** The instruction that a region left to the interpreter. */
    const interpreted = f.local('i64');
    /** The head of a region that can't be entered now: the record of its first instruction is executed. */
    const passed = f.local('i32');
    const stash = (): I32 => load.i32(I32.of(0), control.stash);
    const pc = (): I64 => bias.get.add(inThisCase(at.get).shrU(3).i64U());

    f.store('i32', I32.of(0), I32.of(signals.none), control.signal);
    f.store('i32', I32.of(0), I32.of(0), control.stash);

    f.loop((resume) => {
      // In the context's mode, at its pc: the budget may end before anything of that is looked at.
      f.if(left.get.eqz(), () => f.return(stash()));
      f.set(dataBank, load.i32(context.get, fields.dataBank));
      f.set(fetchBank, load.i32(context.get, fields.fetchBank));
      f.set(base, I32.of(none));
      f.set(page, I64.of(none));
      f.set(interpreted, I64.of(none));
      f.set(passed, I32.of(none));
      f.set(target, load.i64(context.get, fields.pc));

      f.block((faulted) => {
        f.block((trapped) => {
          f.block((spent) => {
            f.loop((jump) => {
              // Enter the page of `target`, unless we are in it.
              f.if(target.get.and(-4096).ne(page.get), () => {
                const entry = f.local('i32');
                f.set(entry, tlbEntry(fetchBank.get, target.get, tlb.fetch));
                f.if(load.i64(entry.get).ne(target.get.and(-4096)), () => {
                  f.set(entry, memory.fetch.call(context.get, target.get));
                  f.if(entry.get.eqz(), () => {
                    // A fetch that faults costs a cycle, so that a handler that cannot be fetched uses up its budget.
                    f.store('i64', context.get, target.get, fields.pc);
                    f.if(left.get.eqz(), () => {
                      f.store('i32', I32.of(0), I32.of(signals.none), control.signal);
                      f.return(I32.of(0));
                    });
                    f.set(left, left.get.sub(1));
                    f.br(faulted);
                  });
                });
                f.set(page, target.get.and(-4096));
                f.set(base, load.i32(entry.get, 8));
                f.set(bias, page.get.sub(base.get.shrU(3).i64U()));
              });
              f.set(at, base.get.add(target.get.wrap().and(0xffe).shl(3)));
              if (regions) {
                f.set(type, load.u16(at.get, record.op));
                f.if(
                  type.get.geU(special.firstRegion),
                  () => {
                    const number = f.let(type.get.sub(special.firstRegion));
                    const entry = f.let(regions.entryOf(number));
                    f.if(target.get.ne(interpreted.get), () => {
                      f.if(regions.mayEnter(f, entry, left.get, fetchBank.get, dataBank.get, page.get), () => {
                        regions.countEntry(f, entry, number, context.get, page.get);
                        f.set(left, f.callTable(regions.type, number, context.get, left.get, page.get));
                        f.set(target, load.i64(context.get, fields.pc));
                        f.if(left.get.ltS(0), () => {
                          f.set(left, left.get.and(~interpretNext));
                          f.set(interpreted, target.get);
                        });
                        f.br(jump);
                      });
                    });
                    f.set(interpreted, I64.of(none));
                    f.set(passed, at.get);
                  },
                  () => regions.count(f, context.get, at.get, target.get, target.get.eq(interpreted.get)),
                );
              }

              f.loop((dispatch) => {
                f.brIf(spent, left.get.eqz());
                f.set(left, left.get.sub(1));
                const cases: (() => void)[] = [];
                /** Nothing has been executed. */
                const refund = (): void => f.set(left, left.get.sub(at.get.sub(inThisCase(at.get))).add(1));
                const retry = (): void => {
                  refund();
                  f.br(dispatch);
                };
                const lookUpAgain = (): void => {
                  refund();
                  f.set(target, pc());
                  f.set(page, I64.of(none));
                  f.br(jump);
                };
                cases[special.undecoded] = () => {
                  f.if(imports.decode.call(at.get), retry);
                  lookUpAgain();
                };
                cases[special.pageCrossing] = lookUpAgain;
                cases[special.straddling] = () => {
                  const here = f.let(pc());
                  const low = f.let(load.u16(at.get, record.imm));
                  const entry = f.let(memory.fetch.call(context.get, here.add(2)));
                  f.if(entry.eqz(), () => f.br(trapped));
                  const word = f.let(low.or(load.u16(load.i32(entry, 12)).shl(16)));
                  const slot = f.let(at.get.sub(codeSlot.pageEnd - record.size));
                  f.if(load.i32(slot, codeSlot.straddleWord).ne(word), () => {
                    f.run(imports.decodeWord.call(slot.add(codeSlot.straddle), word));
                    f.store('i32', slot, word, codeSlot.straddleWord);
                  });
                  f.set(at, slot.add(codeSlot.straddle));
                  f.set(base, I32.of(none));
                  f.set(page, I64.of(none));
                  f.set(bias, here.sub(at.get.shrU(3).i64U()));
                  retry();
                };
                cases[special.illegal] = () => {
                  f.store('i64', I32.of(0), I64.of(2), control.cause);
                  f.br(trapped);
                };
                const frame = {
                  context,
                  at,
                  base,
                  target,
                  left,
                  bias,
                  dataBank,
                  resume,
                  jump,
                  dispatch,
                  trapped,
                  regions,
                };
                const perform = ({ instruction, length }: Form): Interpretation => {
                  const distance = (length / 2) * record.size;
                  const indirect = instruction === jalr;
                  const semantics = new Interpretation(
                    f,
                    memory,
                    softfloat,
                    privileged,
                    imports,
                    distance,
                    indirect,
                    frame,
                  );
                  instruction.semantics(semantics);
                  if (!semantics.jumped) f.set(at, at.get.add(distance));
                  return semantics;
                };
                for (const { second, ...first } of recordTypes) {
                  cases.push(() => {
                    if (second) {
                      perform(first);
                      f.brIf(dispatch, left.get.eqz());
                      f.set(left, left.get.sub(1));
                    }
                    if (!perform(second ?? first).jumped) f.br(dispatch);
                  });
                }
                if (!regions) {
                  f.switch(load.u16(at.get, record.op), cases, () => f.unreachable());
                  return;
                }
                f.set(type, load.u16(at.get, record.op));
                f.loop((again) => {
                  f.switch(type.get, cases, () => {
                    // The head of a region: it is entered as the target of a jump, unless that was tried just now.
                    f.if(at.get.eq(passed.get), () => {
                      f.set(type, load.u16(regions.entryOf(type.get.sub(special.firstRegion)), regionEntry.op));
                      f.set(passed, I32.of(none));
                      f.br(again);
                    });
                    refund();
                    f.set(target, pc());
                    f.br(jump);
                  });
                });
              });
            });
          });
          f.store('i64', context.get, pc(), fields.pc);
          f.return(stash());
        });
        // The record at hand is the culprit.
        f.store('i32', I32.of(0), at.get, control.record);
        f.store('i64', context.get, pc(), fields.pc);
      });
      f.brIf(resume, privileged.deliver.call(context.get, left.get));
      f.store('i32', I32.of(0), I32.of(signals.trap), control.signal);
      f.return(left.get.add(stash()));
    });
  });
}

interface Frame {
  context: Local<'i32'>;
  at: Local<'i32'>;
  base: Local<'i32'>;
  target: Local<'i64'>;
  left: Local<'i32'>;
  bias: Local<'i64'>;
  dataBank: Local<'i32'>;
  resume: Label;
  jump: Label;
  dispatch: Label;
  trapped: Label;
  regions: Regions | undefined;
}

/** The semantics of one instruction, with operands taken from the record at run time. */
class Interpretation extends AtomicSemantics implements Semantics {
  /** Whether the instruction has left for another record already. */
  jumped = false;

  constructor(
    builder: FunctionBuilder,
    private readonly memory: Access,
    private readonly softfloat: Softfloat,
    private readonly privileged: Privileged,
    private readonly imports: InterpreterImports,
    /** Bytes to the next record. */
    private readonly advance: number,
    /** Whether it jumps to an address that is known at run time only. */
    private readonly indirect: boolean,
    private readonly frame: Frame,
  ) {
    super(builder, frame.context.get);
  }

  private operand(offset: number): I32 {
    return this.frame.context.get.add(load.u16(this.frame.at.get, offset));
  }
  private get zero(): I32 {
    return I32.of(0);
  }

  x(source: Source): I64 {
    return load.i64(this.operand(record[source]));
  }
  setX(value: I64): void {
    this.builder.store('i64', this.operand(record.rd), value);
  }
  f(source: Source): I64 {
    return load.i64(this.operand(record[source]));
  }
  setF(value: I64): void {
    this.builder.store('i64', this.operand(record.rd), value);
    this.builder.store('i32', this.frame.context.get, I32.of(1), fields.fpDirty);
  }
  imm(): I64 {
    return load.s32to64(this.frame.at.get, record.imm);
  }
  pc(): I64 {
    return this.frame.bias.get.add(inThisCase(this.frame.at.get).shrU(3).i64U());
  }
  nextPc(): I64 {
    return this.frame.bias.get.add(inThisCase(this.frame.at.get).add(this.advance).shrU(3).i64U());
  }
  let(value: I64): I64 {
    return this.builder.let(value);
  }

  /**
   * After a slow path: leaves the instruction if it raised an exception. If an access asks to leave after this
   * instruction, the rest of the budget is set aside.
   */
  private checkLeave(): void {
    const { builder: f, frame } = this;
    f.if(load.i32(this.zero, control.signal), () => {
      f.brIf(frame.trapped, load.i32(this.zero, control.signal).eq(signals.trap));
      f.store('i32', this.zero, frame.left.get, control.stash);
      f.set(frame.left, this.zero);
    });
  }
  /** Devices ask for the time: tell what has not been used yet. */
  private spill(): void {
    const { builder: f, frame } = this;
    f.store('i32', this.zero, frame.left.get.add(load.i32(this.zero, control.stash)), control.left);
  }

  load(kind: LoadKind, address: I64): I64 {
    const { builder: f, frame } = this;
    const size = loadSizes[kind];
    const va = f.let(address);
    const entry = f.let(tlbEntry(frame.dataBank.get, va, tlb.read));
    const value = f.local('i64');
    f.if(
      va.and(-4096 | (size - 1)).eq(load.i64(entry)),
      () => f.set(value, loads[kind](va.wrap().add(load.i32(entry, 8)))),
      () => {
        this.spill();
        const regime = load.i32(frame.context.get, fields.dataRegime);
        f.set(
          value,
          this.memory.load.call(frame.context.get, va, I32.of(size), I32.of(access.read), regime, frame.dataBank.get),
        );
        this.checkLeave();
        if (kind === 's8') f.set(value, value.get.extend8S());
        if (kind === 's16') f.set(value, value.get.extend16S());
        if (kind === 's32') f.set(value, value.get.extend32S());
      },
    );
    return value.get;
  }

  store(size: Size, address: I64, value: I64): void {
    const { builder: f, frame } = this;
    const va = f.let(address);
    const entry = f.let(tlbEntry(frame.dataBank.get, va, tlb.write));
    f.if(
      va.and(-4096 | (size - 1)).eq(load.i64(entry)),
      () => f.store(storeKinds[size], va.wrap().add(load.i32(entry, 8)), value),
      () => {
        this.spill();
        const regime = load.i32(frame.context.get, fields.dataRegime);
        f.run(this.memory.store.call(frame.context.get, va, I32.of(size), value, regime, frame.dataBank.get));
        this.checkLeave();
      },
    );
  }

  /** Host address of an aligned access that `kind` says; a trap leaves the instruction. */
  protected override atomicHost(size: Size, va: I64, kind: number): I32 {
    const { builder: f, frame } = this;
    const entry = f.let(tlbEntry(frame.dataBank.get, va, kind === access.write ? tlb.write : tlb.read));
    const host = f.local('i32');
    f.if(
      va.and(-4096 | (size - 1)).eq(load.i64(entry)),
      () => f.set(host, va.wrap().add(load.i32(entry, 8))),
      () => {
        this.spill();
        f.set(host, this.memory.atomic.call(frame.context.get, va, I32.of(size), I32.of(kind)));
        this.checkLeave();
      },
    );
    return host.get;
  }
  protected override atomicStored(size: Size, host: I32): void {
    const leaves = load.i32(this.zero, control.signal);
    this.builder.if(leaves, () => this.builder.run(this.memory.watchedAtomic.call(host, I32.of(size))));
  }
  branch(condition: I32): void {
    const { builder: f, frame } = this;
    f.if(condition, () => {
      this.countWay('taken');
      const next = f.let(frame.at.get.add(load.i32(frame.at.get, record.imm).shl(3)));
      f.if(next.sub(frame.base.get).ltU(codeSlot.pageEnd), () => {
        const { regions } = frame;
        const back = next.leU(frame.at.get);
        if (regions) {
          f.if(back.and(load.u16(next, record.op).ltU(special.firstRegion)), () => {
            f.set(frame.at, next);
            regions.count(f, frame.context.get, next, this.pc(), this.zero);
          });
        }
        f.set(frame.at, next);
        f.br(frame.dispatch);
      });
      f.set(frame.target, this.pc().add(this.imm()));
      f.br(frame.jump);
    });
    this.countWay('passed');
  }

  /** Counts which way a branch goes, for the translator. */
  private countWay(way: 'taken' | 'passed'): void {
    const { builder, frame } = this;
    if (frame.regions) countWay(builder, frame.at.get, way);
  }

  jump(target: I64): void {
    const { builder: f, frame } = this;
    f.set(frame.target, target);
    if (this.indirect && frame.regions) observeTarget(f, inThisCase(frame.at.get), frame.target.get);
    f.br(frame.jump);
    this.jumped = true;
  }

  private illegal(condition: I32): void {
    const { builder: f, frame } = this;
    f.if(condition, () => {
      f.store('i64', this.zero, I64.of(2), control.cause);
      f.br(frame.trapped);
    });
  }
  requireFp(): void {
    this.illegal(load.i32(this.frame.context.get, fields.fpOff));
  }
  fp(operation: FpOperation, ...operands: I64[]): I64 {
    const { builder: f, frame } = this;
    const mode = f.local('i32');
    if (roundedOperations.has(operation)) {
      f.set(mode, load.u8(frame.at.get, record.rm));
      f.if(mode.get.eq(7), () => f.set(mode, load.i32(frame.context.get, fields.frm)));
      this.illegal(mode.get.gtU(4));
    }
    const [a = zero64, b = zero64, c = zero64] = operands;
    const value = f.let(this.softfloat[operation].call(frame.context.get, mode.get, a, b, c));
    f.store('i32', frame.context.get, I32.of(1), fields.fpDirty);
    return value;
  }

  /** The causes are in the order of U, S, VS, M; VU calls as U does. */
  environmentCall(): void {
    const { builder: f, frame, zero } = this;
    const privilege = f.let(load.i32(frame.context.get, fields.privilege));
    const fromVs = privilege.eq(1).and(load.i32(frame.context.get, fields.virtual));
    f.store('i64', zero, privilege.add(fromVs).add(8).i64U(), control.cause);
    for (const detail of [control.tval, control.tval2, control.tinst]) f.store('i64', zero, zero64, detail);
    f.store('i32', zero, zero, control.gva);
    f.br(frame.trapped);
    this.jumped = true;
  }

  system(operation: SystemOperation): void {
    const { builder: f, frame, privileged } = this;
    let number = systemOperations.indexOf(operation);
    if (number < 0) number = systemOperations.push(operation) - 1;
    this.spill();
    f.store('i64', frame.context.get, this.pc(), fields.pc);
    const context = frame.context.get;
    const at = frame.at.get;
    const access = csrOperations[operation];
    const outcome = f.let(
      access !== undefined
        ? privileged.csr.call(
            context,
            at,
            I32.of(number),
            I32.of(access.combination),
            this.csrOperand(access.immediate),
          )
        : (directOperations[operation]?.(privileged).call(context, at, I32.of(number)) ??
            this.imports.system.call(I32.of(number), at)),
    );
    f.if(outcome, () => {
      f.brIf(frame.trapped, outcome.eq(outcomes.trap));
      f.brIf(frame.resume, outcome.eq(outcomes.resume));
      f.return(frame.left.get.add(load.i32(this.zero, control.stash)));
    });
    // A status may have chosen another bank.
    if (access !== undefined) f.set(frame.dataBank, load.i32(context, fields.dataBank));
    else this.checkLeave();
  }

  /** rs1, or the number in its place. */
  private csrOperand(immediate: boolean): I64 {
    return immediate ? load.u16to64(this.frame.at.get, record.rs1).shrU(3) : this.x('rs1');
  }
}

/** Other operations that machine code tries first. */
const directOperations: Partial<Record<SystemOperation, (privileged: Privileged) => Privileged['mret']>> = {
  mret: ({ mret }) => mret,
  sret: ({ sret }) => sret,
  'sfence.vma': ({ sfence }) => sfence,
  'sinval.vma': ({ sfence }) => sfence,
};

const csrOperations: Partial<Record<SystemOperation, { combination: number; immediate: boolean }>> = {
  csrrw: { combination: combinations.replace, immediate: false },
  csrrs: { combination: combinations.set, immediate: false },
  csrrc: { combination: combinations.clear, immediate: false },
  csrrwi: { combination: combinations.replace, immediate: true },
  csrrsi: { combination: combinations.set, immediate: true },
  csrrci: { combination: combinations.clear, immediate: true },
};
