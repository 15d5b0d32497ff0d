// A trace as text: one line for each instruction or trap, that a person can read and `microvisor diff` compares.
//
//   CYCLE hHART PC MODE  instruction             register=value …
//   CYCLE hHART PC MODE  ! trap name             tval=…

import { causeName } from '../../hw/hart/causes.ts';
import type { Hart } from '../../hw/hart/hart.ts';
import { disassemble } from '../../hw/isa/disassemble.ts';
import { fNames, xNames } from '../../hw/isa/registers.ts';
import type { Machine } from '../../hw/machine/machine.ts';

export type TraceDetail = 'traps' | 'instructions';

const hex = (value: bigint): string => BigInt.asUintN(64, value).toString(16);

function mode(hart: Hart): string {
  const { context } = hart;
  const name = ['U', 'S', '?', 'M'][context.get('privilege')]!;
  return context.get('virtual') ? `V${name}` : name;
}

/** Writes a line per event of `machine` from now on. */
export function traceMachine(machine: Machine, detail: TraceDetail, write: (line: string) => void): void {
  const prefix = (hart: Hart, pc: bigint): string =>
    `${String(machine.cycles(hart)).padStart(12)} h${hart.id} ${hex(pc).padStart(16, '0')} ${mode(hart).padEnd(2)}`;
  machine.onTrap = (hart, cause, interrupt) => {
    const tval = interrupt || hart.tval === 0n ? '' : ` tval=${hex(hart.tval)}`;
    write(`${prefix(hart, hart.context.pc)}  ! ${causeName(cause, interrupt)}${tval}`);
  };
  if (detail === 'traps') return;
  const before = new BigInt64Array(64);
  const snapshot = (hart: Hart): void => {
    for (let index = 0; index < 32; index++) {
      before[index] = hart.context.x(index);
      before[index + 32] = BigInt.asIntN(64, hart.context.f(index));
    }
  };
  machine.onInstruction = {
    before: (hart) => snapshot(hart),
    after: (hart, pc, word) => {
      const changes: string[] = [];
      for (let index = 0; index < 32; index++) {
        if (hart.context.x(index) !== before[index]) changes.push(`${xNames[index]}=${hex(hart.context.x(index))}`);
        if (BigInt.asIntN(64, hart.context.f(index)) !== before[index + 32])
          changes.push(`${fNames[index]}=${hex(hart.context.f(index))}`);
      }
      const text = word === undefined ? '?' : disassemble(word, pc);
      write(`${prefix(hart, pc)}  ${text.padEnd(32)} ${changes.join(' ')}`.trimEnd());
    },
  };
}
