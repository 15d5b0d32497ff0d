// Every sequence of a few actions, from one beginning.

import { expect } from 'vitest';
import type { State } from '../../../microvisor/specification/state.ts';
import type { World } from '../world.ts';
import type { Action } from './action.ts';
import { Beginning } from './beginning.ts';
import { report, shortest } from './shortest.ts';

/** What states of one kind have in common: registers and messages are compared after every call, but lead nowhere new. */
function kindOf(state: State): string {
  const threads = Object.entries(state.threads).map(([id, { registers: _, pc: __, restartPc: ___, ...rest }]) => [
    id,
    rest,
  ]);
  return JSON.stringify({ ...state, memory: null, config: null, work: 0, threads }, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}

/**
 * Runs every sequence of at most `length` actions; with Infinity until nothing new is met. One that leads to a state of a kind that was met before is not followed any
 * further: what comes after has been seen. Returns how many entries into the kernel were compared, and kinds of states met.
 */
export function exhaust(world: World, actions: readonly Action[], length: number): { entries: number; kinds: number } {
  const start = Beginning.of(world);
  const met = new Set([kindOf(start.state)]);
  let ends: { beginning: Beginning; path: Action[] }[] = [{ beginning: start, path: [] }];
  let entries = 0;
  for (let depth = 1; depth <= length && ends.length > 0; depth++) {
    const further: typeof ends = [];
    for (const { beginning, path } of ends) {
      for (const action of actions) {
        const lockstep = beginning.begin();
        const here = [...path, action];
        if (lockstep.act(action).length > 0) expect.fail(report(start, shortest(start, here)));
        entries++;
        const kind = kindOf(lockstep.state);
        if (met.has(kind)) continue;
        met.add(kind);
        if (depth < length) further.push({ beginning: beginning.after(lockstep), path: here });
      }
    }
    ends = further;
  }
  return { entries, kinds: met.size };
}
