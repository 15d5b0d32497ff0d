// What an instruction of the table means for a region, found out from its semantics: they are run once against a
// recorder.

import { I64 } from '../wasm/values.ts';
import { type FpOperation, fpOperations, type Semantics, type Source } from './semantics.ts';
import { instructions } from './table.ts';

export interface InstructionKind {
  /** Only the interpreter executes it: it changes privileged state, or always traps. */
  readonly leaves: boolean;
  readonly branches: boolean;
  readonly jumps: boolean;
  readonly usesFp: boolean;
  /** Takes a rounding mode. */
  readonly rounds: boolean;
  /** May miss the TLB: a region leaves before it. */
  readonly accessesMemory: boolean;
  /** It is more than a load: executed once more, it need not do the same. */
  readonly changesMemory: boolean;
}

const rounded = new Set<FpOperation>(fpOperations.rounded);
const zero = I64.of(0);

class Recorder implements Semantics {
  leaves = false;
  branches = false;
  jumps = false;
  usesFp = false;
  rounds = false;
  accessesMemory = false;
  changesMemory = false;

  x(_source: Source): I64 {
    return zero;
  }
  setX(): void {}
  f(_source: Source): I64 {
    return zero;
  }
  setF(): void {}
  imm(): I64 {
    return zero;
  }
  pc(): I64 {
    return zero;
  }
  nextPc(): I64 {
    return zero;
  }
  let(): I64 {
    return zero;
  }
  load(): I64 {
    this.accessesMemory = true;
    return zero;
  }
  store(): void {
    this.accessesMemory = true;
    this.changesMemory = true;
  }
  rmw(): I64 {
    this.store();
    return zero;
  }
  loadReserved(): I64 {
    this.store();
    return zero;
  }
  storeConditional(): I64 {
    this.store();
    return zero;
  }
  branch(): void {
    this.branches = true;
  }
  jump(): void {
    this.jumps = true;
  }
  requireFp(): void {
    this.usesFp = true;
  }
  fp(operation: FpOperation): I64 {
    this.rounds ||= rounded.has(operation);
    return zero;
  }
  environmentCall(): void {
    this.leaves = true;
  }
  system(): void {
    this.leaves = true;
  }
}

/** By the instruction's index in the table. */
export const instructionKinds: readonly InstructionKind[] = instructions.map(({ semantics }) => {
  const recorder = new Recorder();
  semantics(recorder);
  return recorder;
});
