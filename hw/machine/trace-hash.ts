// The trace hash: a digest of everything that happened, in order. Two runs with the same hash took the same path.

import { defineTrapDigest, digest, step } from '../engine/digest.ts';
import { control } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { I32, load } from '../wasm/values.ts';

const seed = [0x9e37_79b9, 0x85eb_ca6b] as const;

/** The digest is in `control.digest`: each of these adds to it. */
interface Digest {
  /** A 32-bit word. */
  word(value: number): void;
  /** Any number. */
  number(value: number): void;
  /** What is not zero in machine memory from `start` to `end` (offsets, a multiple of 8 apart), and where it is. */
  memory(start: number, end: number): void;
  /** Time, cause, hart, and pc and x1 to x31 of the context at an offset. */
  trap(context: number, cycle: number, cause: number, hart: number): void;
}

function buildDigest(memory: MachineMemory): Digest {
  const module = new ModuleBuilder();

  const word = module.function(['i32'], undefined, (f, value) => {
    f.store('i64', I32.of(0), step(digest(), value.get.i64U()), control.digest);
  });
  const number = module.function(['f64'], undefined, (f, value) => {
    f.store('i64', I32.of(0), step(digest(), value.get.bits()), control.digest);
  });
  const range = module.function(['i32', 'i32'], undefined, (f, start, end) => {
    const at = f.let(start.get);
    const sum = f.local('i64');
    f.set(sum, digest());
    f.loop((next) => {
      const value = f.let(load.i64(start.get));
      f.if(value.ne(0), () => f.set(sum, step(step(sum.get, start.get.sub(at).i64U()), value)));
      f.set(start, start.get.add(8));
      f.brIf(next, start.get.ltU(end.get));
    });
    f.store('i64', I32.of(0), sum.get, control.digest);
  });
  const trap = defineTrapDigest(module);
  module.export('word', word);
  module.export('number', number);
  module.export('memory', range);
  module.export('trap', trap);
  const compiled = new WebAssembly.Module(module.encode(memory.layout.wasmPages));
  return new WebAssembly.Instance(compiled, { env: { memory: memory.wasm } }).exports as unknown as Digest;
}

/** Not cryptographic: it detects divergence, not forgery. */
export class TraceHash {
  readonly add: Digest;

  constructor(private readonly memory: MachineMemory) {
    this.add = buildDigest(memory);
    this.load([...seed]);
  }

  /** 16 hexadecimal digits. */
  get value(): string {
    return this.save()
      .map((half) => half.toString(16).padStart(8, '0'))
      .join('');
  }

  save(): [number, number] {
    const { u32 } = this.memory;
    return [u32[(control.digest + 4) >>> 2]!, u32[control.digest >>> 2]!];
  }
  load([high, low]: [number, number]): void {
    const { u32 } = this.memory;
    u32[(control.digest + 4) >>> 2] = high;
    u32[control.digest >>> 2] = low;
  }
}
