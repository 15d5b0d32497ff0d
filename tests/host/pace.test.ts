// A machine that runs piece by piece, with input that comes in between.

import { expect, it } from 'vitest';
import type { Machine } from '../../hw/machine/machine.ts';
import { runPaced } from '../../tools/host/pace.ts';

it('lets an idle machine see input that came together with its end', async () => {
  let typed = '';
  let seen = '';
  let open = true;
  const run = (): 'idle' => {
    seen += typed;
    typed = '';
    if (open && seen === '') {
      setImmediate(() => {
        typed = 'last words';
        open = false;
      });
    }
    return 'idle';
  };
  const machine = { run, now: 0, nowNs: 0, clockHz: 1e9 } as unknown as Machine;
  const pace = { limit: Infinity, realTime: false, inputMayCome: () => open, ended: () => false };
  expect(await runPaced(machine, pace)).toBe('idle');
  expect(seen).toBe('last words');
});
