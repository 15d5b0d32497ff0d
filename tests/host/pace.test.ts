// A machine that runs piece by piece, with input that comes in between, and time that keeps to the wall.

import { describe, expect, it } from 'vitest';
import type { Machine } from '../../hw/machine/machine.ts';
import { Nap, runPaced } from '../../tools/host/pace.ts';

it('lets an idle machine see input that came together with its end', async () => {
  let typed = '';
  let seen = '';
  let open = true;
  const nap = new Nap();
  const run = (): 'idle' => {
    seen += typed;
    typed = '';
    if (open && seen === '') {
      setImmediate(() => {
        typed = 'last words';
        open = false;
        nap.wake();
      });
    }
    return 'idle';
  };
  const machine = { run, now: 0, nowNs: 0, clockHz: 1e9, quietUntil: Infinity } as unknown as Machine;
  const pace = { limit: Infinity, realTime: false, inputMayCome: () => open, ended: () => false, nap };
  expect(await runPaced(machine, pace)).toBe('idle');
  expect(seen).toBe('last words');
});

/** A clock that only sleep moves, and who slept for how long. */
class TestNap extends Nap {
  now = 1000;
  readonly slept: number[] = [];
  constructor(private readonly during: (nap: TestNap) => void = () => {}) {
    super();
  }
  override get nowMs(): number {
    return this.now;
  }
  override sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.now += ms;
    this.during(this);
    return Promise.resolve();
  }
}

/** A machine that sleeps until an event every `everyNs`; Infinity: it is never asleep. */
function sleeper(everyNs: number) {
  const runs: number[] = [];
  const machine = {
    nowNs: 0,
    clockHz: 1e9,
    get now() {
      return this.nowNs;
    },
    get quietUntil() {
      return everyNs === Infinity ? this.nowNs : (Math.floor(this.nowNs / everyNs) + 1) * everyNs;
    },
    run(limit: number) {
      runs.push(limit);
      this.nowNs = limit;
      return 'limit';
    },
  };
  return { runs, machine: machine as unknown as Machine };
}

describe('with time that keeps to the wall', () => {
  const pace = { limit: 10e9, realTime: true, inputMayCome: () => true, ended: () => false };

  it('a system that sleeps is left alone until something is due, for up to a twentieth of a second', async () => {
    const { runs, machine } = sleeper(1e9);
    const nap = new TestNap();
    expect(await runPaced(machine, { ...pace, nap })).toBe('limit');
    expect(runs.length).toBeLessThan(10 * 25);
    expect(Math.max(...nap.slept)).toBe(50);
    // Nothing happens before its time.
    expect(nap.now - 1000).toBeGreaterThan(10_000 - 60);
  });

  it('a system that is busy runs in small pieces', async () => {
    const { runs, machine } = sleeper(Infinity);
    const nap = new TestNap();
    await runPaced(machine, { ...pace, limit: 1e9, nap });
    expect(runs.length).toBe(200);
    expect(Math.max(...nap.slept)).toBeLessThanOrEqual(10);
  });

  it('an event is not late because the host sleeps', async () => {
    const { runs, machine } = sleeper(30e6);
    const nap = new TestNap();
    await runPaced(machine, { ...pace, limit: 1e9, nap });
    expect(Math.max(...nap.slept)).toBeLessThanOrEqual(30);
    expect(runs.length).toBeLessThan(100);
  });
});

describe('a nap', () => {
  it('ends when something comes, and is none when it came just before', async () => {
    const nap = new Nap();
    let woken = false;
    const sleep = nap.sleep(1e9).then(() => {
      woken = true;
    });
    expect(woken).toBe(false);
    nap.wake();
    await sleep;
    nap.wake();
    await nap.sleep(1e9);
  });
});
