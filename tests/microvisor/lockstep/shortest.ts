// A difference, told by the shortest sequence of actions that leads to one.

import { type Action, describeAction } from './action.ts';
import type { Beginning } from './beginning.ts';

/** How many of the actions it takes to a difference; null: there is none. */
function lengthToDifference(beginning: Beginning, actions: readonly Action[]): number | null {
  const lockstep = beginning.begin();
  const at = actions.findIndex((action) => lockstep.act(action).length > 0);
  return at < 0 ? null : at + 1;
}

/** Leaves out what can be left out: long runs of actions first, then shorter ones, until each of those that stay is needed. */
export function shortest(beginning: Beginning, sequence: readonly Action[]): Action[] {
  let actions = [...sequence];
  // Whoever only asks whether there is a difference.
  if (process.env['NO_SHRINK'] !== undefined) return actions;
  for (let size = actions.length >> 1; size > 0; ) {
    let left = false;
    for (let from = 0; from < actions.length; ) {
      const shorter = actions.filter((_, i) => i < from || i >= from + size);
      const length = lengthToDifference(beginning, shorter);
      if (length === null) {
        from += size;
      } else {
        actions = shorter.slice(0, length);
        left = true;
      }
    }
    if (size > 1 || !left) size >>= 1;
  }
  return actions;
}

/** Who did what, and how kernel and specification differ after the last. */
export function report(beginning: Beginning, actions: readonly Action[]): string {
  const lockstep = beginning.begin();
  const lines: string[] = [];
  let found: string[] = [];
  for (const action of actions) {
    lines.push(`${lockstep.current}: ${describeAction(action)}`);
    found = lockstep.act(action);
    if (found.length > 0) break;
  }
  return ['kernel and specification differ after:', ...lines, 'in:', ...found.slice(0, 20)].join('\n  ');
}
