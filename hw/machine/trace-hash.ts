// The trace hash: a digest of everything that happened, in order. Two runs with the same hash took the same path.

import { control, context as fields } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';
import type { Hart } from '../hart/hart.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';

/** Digests run side by side in four lanes: a multiplication takes longer than a load. */
const digestLanes = 4;
/** Odd, so that a step loses nothing; its product is turned so that all bits of a register reach all bits of the digest. */
const multiplier = 0x9e37_79b9_7f4a_7c15n;

/** Makes (base of a context) → a digest of pc and x1 to x31, left in `control.digest`. */
function registerDigest(memory: MachineMemory): (context: number) => void {
  const module = new ModuleBuilder();
  const digest = module.function(['i32'], undefined, (f, context) => {
    const lanes = Array.from({ length: digestLanes }, () => f.local('i64'));
    const step = (digest: I64, value: I64): I64 => digest.xor(value).mul(I64.of(multiplier)).rotl(32);
    const offsets: number[] = [fields.pc];
    for (let register = 1; register < 32; register++) offsets.push(fields.x + 8 * register);
    for (const [index, offset] of offsets.entries()) {
      const lane = lanes[index % digestLanes]!;
      f.set(lane, step(lane.get, load.i64(context.get, offset)));
    }
    const [first, ...others] = lanes;
    for (const lane of others) f.set(first!, step(first!.get, lane.get));
    f.store('i64', I32.of(0), first!.get, control.digest);
  });
  module.export('digest', digest);
  const compiled = new WebAssembly.Module(module.encode(memory.layout.wasmPages));
  return new WebAssembly.Instance(compiled, { env: { memory: memory.wasm } }).exports['digest'] as (
    context: number,
  ) => void;
}

/** Two 32-bit multiply-and-rotate lanes over 32-bit words. Not cryptographic: it detects divergence, not forgery. */
export class TraceHash {
  private a = 0x9e3779b9;
  private b = 0x85ebca6b;
  private readonly digestRegisters: (context: number) => void;

  constructor(private readonly memory: MachineMemory) {
    this.digestRegisters = registerDigest(memory);
  }

  word(value: number): void {
    const a = Math.imul(this.a ^ value, 0xcc9e2d51);
    this.a = (a << 15) | (a >>> 17);
    const b = Math.imul(this.b + value, 0x1b873593);
    this.b = ((b << 13) | (b >>> 19)) ^ this.a;
  }

  number(value: number): void {
    this.word(value >>> 0);
    this.word(Math.floor(value / 0x1_0000_0000));
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.word(byte);
  }

  /** A trap: (time, hart, cause, pc, register digest), see time.md. */
  trap(hart: Hart, cycle: number, cause: number): void {
    this.number(cycle);
    this.word(hart.id);
    this.word(cause);
    this.digestRegisters(hart.context.base);
    const { u32 } = this.memory;
    this.word(u32[control.digest >>> 2]!);
    this.word(u32[(control.digest + 4) >>> 2]!);
  }

  /** 16 hexadecimal digits. */
  get value(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.a) + hex(this.b);
  }

  save(): [number, number] {
    return [this.a, this.b];
  }
  load([a, b]: [number, number]): void {
    this.a = a;
    this.b = b;
  }
}
