// Systems with windows: cells run in theirs, whatever the others do.

import { describe, expect, it } from 'vitest';
import { boot, manifestOf, SystemBench } from './system-bench.ts';

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

  it('go on in a system that was saved in the middle of one', () => {
    const manifest = manifestOf(`
cells:
  a: { kind: native, program: adversary/watcher, priority: 10 }
  b: { kind: native, program: adversary/watcher, priority: 10 }
${schedule}`);
    const first = new SystemBench(manifest).run(4.55);
    const second = new SystemBench(manifest, structuredClone(first.system.save()));
    expect(second.run(8).hash()).toBe(first.run(8).hash());
    expect(second.system.kernel.nodes[0]!.overruns).toBe(0);
  });
});
