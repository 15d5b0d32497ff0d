// `microvisor bare --lockstep`: a bare machine twice, and the steps in which the two are compared.

import type { TranslatorOptions } from '../../hw/engine/translator/options.ts';
import type { BareMachine, BareOptions } from '../bare/bare-machine.ts';
import { Dice } from '../dice.ts';
import { runInLockstep, type Side, type Step, type Twin, type Verdict } from './lockstep.ts';

/** Makes the machine with its program. */
export type CreateBare = (more: Pick<BareOptions, 'translator' | 'onConsole' | 'onOutcome'>) => BareMachine;

/** So that nearly everything is translated, and soon. */
const eager: TranslatorOptions = { threshold: 2, patience: 500, observation: 100, entriesUntilLarge: 100 };
/** Steps are up to 2^17 cycles long, as often short as long; at first they are short: code is translated between them. */
const stepBits = { least: 4, most: 17 } as const;
const stepsPerBit = 100;
/** Memory is compared after so many steps. */
const stepsPerSweep = 64;

export interface BareLockstepOptions {
  /** Cycles; Infinity: until the program ends the run or nothing can happen any more. */
  limit: number;
  /** Where the lengths of steps come from. */
  seed: number;
  translator: TranslatorOptions;
}

export function bareInLockstep(create: CreateBare, { limit, seed, translator }: BareLockstepOptions): Verdict {
  return runInLockstep({
    create: (side) => createTwin(create, side === 'translator' && { ...eager, ...translator }),
    steps: () => steps(limit, seed),
  });
}

function createTwin(create: CreateBare, translator: TranslatorOptions | false): Twin {
  let printed = '';
  let outcome = 'none';
  const bare: BareMachine = create({
    translator,
    onConsole: (bytes) => {
      printed = (printed + Buffer.from(bytes).toString('latin1')).slice(-200);
    },
    onOutcome: (reported) => {
      outcome = reported.kind === 'fail' ? `fail with code ${reported.code}` : reported.kind;
      bare.machine.stop();
    },
  });
  return {
    machine: bare.machine,
    over: (reason) => reason === 'idle' || outcome !== 'none',
    facts: () => ({ console: JSON.stringify(printed), outcome }),
  };
}

function* steps(limit: number, seed: number): Generator<Step> {
  const dice = new Dice(seed, 0);
  const pausesUpTo = (from: number, until: number): number[] =>
    Array.from({ length: dice.below(3) }, () => from + 1 + dice.below(until - from)).sort((a, b) => a - b);
  let from = 0;
  for (let count = 1; from < limit; count++) {
    const bits = Math.min(stepBits.most, stepBits.least + Math.floor(count / stepsPerBit));
    const until = Math.min(limit, from + 1 + dice.below(2 ** (1 + dice.below(bits))));
    const pauses: Record<Side, number[]> = {
      interpreter: pausesUpTo(from, until),
      translator: pausesUpTo(from, until),
    };
    yield { until, pauses, scope: count % stepsPerSweep === 0 ? 'everything' : 'harts' };
    from = until;
  }
}
