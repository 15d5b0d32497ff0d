// What a run in lockstep has shown, for a person: one line if the machines agree, else where and in what they differ.

import type { Difference } from './difference.ts';
import type { Disagreement, Verdict } from './lockstep.ts';

const endings = { limit: 'the time is up', stopped: 'the program ended', idle: 'every hart waits' } as const;

export function describeVerdict(program: string, verdict: Verdict): string {
  if (verdict.agreed)
    return `agree    ${String(verdict.instructions).padStart(11)} instructions  ${program}: ${endings[verdict.reason]}`;
  return `DIFFER   ${program}\n${describeDisagreement(verdict)}`;
}

/** Several lines. `>` marks what last wrote a register that differs. */
export function describeDisagreement({ from, to, differences, trace }: Disagreement): string {
  const culprits = new Set(differences.map((difference) => lastWriter(trace, difference)));
  return [
    `  the machines agree at cycle ${from} and differ at ${to}:`,
    ...differences.map(
      ({ hart, what, left, right }) =>
        `    ${hart === undefined ? '' : `hart ${hart} `}${what}: interpreter ${left}, translator ${right}`,
    ),
    '  what the interpreter did last:',
    ...trace.map((line, index) => `  ${culprits.has(index) ? '>' : ' '} ${line}`),
  ].join('\n');
}

/** The index of the trace's last line that changes the register; −1: none does. */
function lastWriter(trace: readonly string[], { hart, what }: Difference): number {
  if (hart === undefined) return -1;
  return trace.findLastIndex((line) => line.includes(` h${hart} `) && line.includes(` ${what}=`));
}
