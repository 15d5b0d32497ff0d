// Systems with windows: cells run in theirs, whatever the others do.

import { describe, expect, it } from 'vitest';
import { boot } from './system-bench.ts';

/** Machine code that says a letter each time that it has counted to so many. */
const schedule = `
schedule:
  modes:
    normal:
      0:
        frame: 1ms
        windows:
          - { at: 0, for: 400us, cells: [a] }
          - { at: 400us, for: 400us, cells: [b] }
`;

describe('windows of a manifest', () => {
  it('give servers their time, and are kept', () => {
    const bench = boot(`
cells:
  a: { kind: native, program: servers/echo, priority: 10 }
  b: { kind: native, program: servers/echo, priority: 10 }
${schedule}`).run(20);
    const { nodes } = bench.system.kernel;
    expect(bench.isBooted).toBe(true);
    expect(nodes.map(({ overruns }) => overruns)).toEqual([0]);
    expect(nodes[0]!.domainSchedule.map(({ domain }) => domain)).toEqual([1, 2, 0, 0]);
    expect(['a', 'b'].map((cell) => bench.state(cell))).toEqual(['waiting', 'waiting']);
  });
});
