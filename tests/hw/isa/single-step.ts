// Runs the meaning of one instruction at a time: `Semantics` over a WebAssembly function per instruction.

import type { Instruction } from '../../../hw/isa/instruction.ts';
import type { LoadKind, Semantics, Size } from '../../../hw/isa/semantics.ts';
import { type FunctionBuilder, type Local, ModuleBuilder } from '../../../hw/wasm/module.ts';
import { I32, I64, load } from '../../../hw/wasm/values.ts';

export interface Step {
  rs1?: bigint;
  rs2?: bigint;
  imm?: bigint;
  pc?: bigint;
  /** Eight bytes of memory at address 64, as a signed value. */
  memory?: bigint;
}

export interface Outcome {
  /** Undefined when the instruction wrote no register. */
  rd: bigint | undefined;
  /** Where it jumped to. */
  target: bigint | undefined;
  memory: bigint;
}

/** Offsets in memory: results, then the bytes that loads and stores see. */
const at = { rd: 0, wroteRd: 8, target: 16, jumped: 24, data: 64 } as const;
export const dataAddress = BigInt(at.data);

const loads: Record<LoadKind, (address: I32) => I64> = {
  s8: load.s8to64,
  u8: load.u8to64,
  s16: load.s16to64,
  u16: load.u16to64,
  s32: load.s32to64,
  u32: load.u32to64,
  i64: load.i64,
};
const stores = { 1: 'i64as8', 2: 'i64as16', 4: 'i64as32', 8: 'i64' } as const;

function semanticsOver(f: FunctionBuilder, [rs1, rs2, imm, pc]: readonly Local<'i64'>[]): Semantics {
  const put = (offset: number, value: I64): void => f.store('i64', I32.of(offset), value);
  const register = (source: string): I64 => (source === 'rs1' ? rs1! : rs2!).get;
  const write = (value: I64): void => {
    put(at.rd, value);
    put(at.wroteRd, I64.of(1));
  };
  const jump = (target: I64): void => {
    put(at.target, target);
    put(at.jumped, I64.of(1));
  };
  const read = (size: Size, address: I64): I64 => f.let(loads[size === 4 ? 's32' : 'i64'](address.wrap()));
  return {
    x: register,
    f: register,
    setX: write,
    setF: write,
    imm: () => imm!.get,
    pc: () => pc!.get,
    nextPc: () => pc!.get.add(4),
    let: (value) => f.let(value),
    load: (kind, address) => f.let(loads[kind](address.wrap())),
    store: (size, address, value) => f.store(stores[size], address.wrap(), value),
    rmw: (size, address, next) => {
      const old = read(size, address);
      f.store(stores[size], address.wrap(), next(old));
      return old;
    },
    loadReserved: read,
    storeConditional: (size, address, value) => {
      f.store(stores[size], address.wrap(), value);
      return I64.of(0);
    },
    branch: (condition) => f.if(condition, () => jump(pc!.get.add(imm!.get))),
    jump,
    requireFp: () => {},
    fp: () => I64.of(0),
    environmentCall: () => {},
    system: () => {},
  };
}

/** Compiles the instructions into one module; the result runs one of them by name. */
export function singleSteps(instructions: readonly Instruction[]): (name: string, step: Step) => Outcome {
  const module = new ModuleBuilder();
  for (const instruction of instructions) {
    const fn = module.function(['i64', 'i64', 'i64', 'i64'], undefined, (f, ...locals) => {
      instruction.semantics(semanticsOver(f, locals));
    });
    module.export(instruction.name, fn);
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const compiled = new WebAssembly.Module(module.encode(1));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const view = new BigInt64Array(memory.buffer);
  return (name, { rs1 = 0n, rs2 = 0n, imm = 0n, pc = 0n, memory: data = 0n }) => {
    view.fill(0n);
    view[at.data / 8] = data;
    (exports[name] as (...operands: bigint[]) => void)(rs1, rs2, imm, pc);
    return {
      rd: view[at.wroteRd / 8] ? view[at.rd / 8] : undefined,
      target: view[at.jumped / 8] ? view[at.target / 8] : undefined,
      memory: view[at.data / 8]!,
    };
  };
}
