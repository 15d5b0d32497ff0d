// A hart on a test bench: a port that records what it is told, and a clock that is set by hand.

import { MachineMemory } from '../../../hw/engine/memory.ts';
import { readCsr, writeCsr } from '../../../hw/hart/csr-file.ts';
import { updateFpOff } from '../../../hw/hart/floating-point.ts';
import { type FenceScope, Hart, type HartPort } from '../../../hw/hart/hart.ts';
import { regimeOf } from '../../../hw/hart/regime.ts';
import { type ContextReset, resetContext } from '../../../hw/hart/reset.ts';
import { type Outcome, systemHandlers } from '../../../hw/hart/system.ts';
import type { SystemOperation } from '../../../hw/isa/semantics.ts';

export type ModeName = 'M' | 'HS' | 'U' | 'VS' | 'VU';
export const modes: readonly ModeName[] = ['M', 'HS', 'U', 'VS', 'VU'];
const encodings = { M: [3, 0], HS: [1, 0], U: [0, 0], VS: [1, 1], VU: [0, 1] } as const;

/** The bits that instructions of the tests report in tval. */
export const word = 0xdead_be73;
export const pc = 0x8000_1000n;
export const nextPc = 0x8000_1004n;

class RecordingPort implements HartPort {
  cycleCount = 1000n;
  instretCount = 500n;
  mtime = 0n;
  /** Calls in order, with their arguments. */
  calls: unknown[][] = [];
  /** What loads find; undefined: they fault. */
  memory: bigint | undefined = 0n;

  constructor(private readonly hart: Hart) {}

  cycles(): bigint {
    return this.cycleCount;
  }
  instret(): bigint {
    return this.instretCount;
  }
  time(): bigint {
    return this.mtime;
  }
  translationChanged(): void {
    regimeOf(this.hart.context);
    this.calls.push(['translationChanged']);
  }
  protectionChanged(): void {
    this.calls.push(['protectionChanged']);
  }
  fence(scope: FenceScope): void {
    this.calls.push(['fence', scope]);
  }
  loadAs(...args: Parameters<HartPort['loadAs']>): bigint | undefined {
    this.calls.push(['loadAs', ...args]);
    if (this.memory === undefined) this.hart.raise(21);
    return this.memory;
  }
  storeAs(...args: Parameters<HartPort['storeAs']>): boolean {
    this.calls.push(['storeAs', ...args]);
    if (this.memory === undefined) this.hart.raise(23);
    return this.memory !== undefined;
  }
}

export class Bench {
  readonly hart: Hart;
  readonly port: RecordingPort;

  constructor(mode: ModeName = 'M', options: Partial<ContextReset> = {}) {
    this.hart = new Hart(0, new MachineMemory(0x1_0000, { contexts: 1, banks: 0, codeSlots: 0 }));
    this.port = new RecordingPort(this.hart);
    this.hart.port = this.port;
    const [privilege, virtual] = encodings[mode];
    resetContext(this.hart.context, { pc, privilege, virtual: virtual === 1, ...options });
  }

  get context() {
    return this.hart.context;
  }

  get mode(): ModeName {
    const { context } = this;
    const found = modes.find((name) => {
      const [privilege, virtual] = encodings[name];
      return privilege === context.get('privilege') && virtual === context.get('virtual');
    });
    if (found === undefined) throw new Error('the context is in no mode');
    return found;
  }

  set mode(name: ModeName) {
    const [privilege, virtual] = encodings[name];
    this.context.set('privilege', privilege);
    this.context.set('virtual', virtual);
    updateFpOff(this.context);
    regimeOf(this.context);
  }

  /** Writes and reads a CSR as M-mode (or VS-mode, for `as: 'VS'`), whatever the mode is. */
  write(number: number, value: bigint, as: ModeName = 'M'): void {
    this.inMode(as, () => writeCsr(this.hart, number, value));
  }
  read(number: number, as: ModeName = 'M'): bigint {
    return this.inMode(as, () => readCsr(this.hart, number));
  }
  set(number: number, bits: bigint): void {
    this.write(number, this.read(number) | bits);
  }

  private inMode<T>(as: ModeName, action: () => T): T {
    const { mode } = this;
    this.mode = as;
    try {
      return action();
    } finally {
      this.mode = mode;
    }
  }

  /** Executes one instruction in the current mode. `value` goes into rs1 (x5), `value2` into rs2 (x6), rd is x7. */
  execute(
    operation: SystemOperation,
    options: { value?: bigint; value2?: bigint; rs1?: number; rs2?: number; rd?: number; csr?: number } = {},
  ): Outcome {
    const { value, value2, rd = 7, csr = 0 } = options;
    const { rs1 = value === undefined ? 0 : 5, rs2 = value2 === undefined ? 0 : 6 } = options;
    if (value !== undefined) this.context.setX(5, BigInt.asIntN(64, value));
    if (value2 !== undefined) this.context.setX(6, BigInt.asIntN(64, value2));
    this.context.pc = pc;
    return systemHandlers[operation](this.hart, { rd, rs1, rs2, imm: csr, word, nextPc });
  }

  /** What the instruction raised, or 'ok'. */
  outcomeOf(
    operation: SystemOperation,
    options: Parameters<Bench['execute']>[1] = {},
  ): 'ok' | 'illegal' | 'virtual' | number {
    if (this.execute(operation, options) !== 2) return 'ok';
    const { cause } = this.hart;
    return cause === 2 ? 'illegal' : cause === 22 ? 'virtual' : cause;
  }
}
