// Two kernels that are told the same, of which one has no fast path: whatever the moment of a call, they stay the same.

import { describe, expect, it } from 'vitest';
import { context as contextFields } from '../../hw/engine/layout.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { saveKernel } from '../../microvisor/save.ts';
import { Dice } from '../../tools/dice.ts';
import { initialCap, label, systemCall, type Thread, World } from './world.ts';

const cyclesPerTick = 100;

interface Scene {
  world: World;
  clients: Thread[];
  /** Passive: 0 may call 1. */
  servers: Thread[];
  endpoints: number[];
  replies: number[];
  /** More urgent than clients, for 40 µs in every 700. */
  alarm: Thread;
}

function scene(fastPath: boolean, domains: 1 | 2): Scene {
  const world = new World({ config: { fastPath, numDomains: domains, domainScheduleLength: 4 } });
  const endpoints = [world.endpoint(), world.endpoint()];
  const replies = [world.reply(), world.reply()];
  const servers = [105, 120].map((priority) => world.thread({ priority, budget: 1000 }));
  const alarm = world.thread({ priority: 110, budget: 40, period: 700, resume: false });
  const kinds = [
    { budget: 500, period: 2000, extraRefills: 3, sporadic: true },
    { budget: 300 },
    { budget: 100, period: 1500, extraRefills: 1 },
  ];
  const clients = kinds.map((kind, i) => world.thread({ priority: 100 + (i >> 1), ...kind, resume: false }));
  const aside = world.stepAside();
  for (const i of [1, 0]) {
    world.expectCurrent(servers[i]!);
    world.recv(endpoints[i]!, replies[i]!);
  }
  world.interruptRoot(aside);
  for (const { sc, cap } of servers) world.must(sc, label.SchedContextUnbindObject, [], [cap]);
  for (const { cap } of [alarm, ...clients]) world.must(cap, label.TCBResume);
  if (domains === 2) {
    world.must(initialCap.domain, label.DomainScheduleConfigure, [1, 1, 4000]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [2, 0, 0]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [0, 0, 6000]);
    world.must(initialCap.domain, label.DomainScheduleSetStart, [0]);
  }
  world.wait(aside);
  return { world, clients, servers, endpoints, replies, alarm };
}

/** All that there is to see of a kernel, its clock, and the registers of its threads. */
function state({ kernel, clocks, deadlines }: World): unknown {
  const { objects } = saveKernel(kernel);
  // The fast path leaves it to the next entry to count the time that has passed.
  for (const { class: name, fields } of objects) {
    if (name !== 'Node') continue;
    const { time, consumed, domainTime } = fields as Record<string, number>;
    Object.assign(fields, { time: 0, consumed: consumed! - time! });
    if (typeof domainTime === 'number') fields['domainTime'] = domainTime + time!;
  }
  const registers = kernel.threads.map(({ context }) => {
    const { memory, base } = context;
    return Buffer.from(memory.u8.slice(base, base + contextFields.reservation)).toString('base64');
  });
  return { objects, registers, clock: clocks[0], deadline: deadlines[0] };
}

/** Lets time pass, with the timer going off at its end as on a machine. */
function pass({ clocks, deadlines, microvisor, harts }: World, cycles: number): void {
  clocks[0]! += cycles;
  while (deadlines[0]! <= clocks[0]!) {
    deadlines[0] = Infinity;
    microvisor.timer(harts[0]!);
  }
}

/** Short or long, or to about where the timer goes off or the kernel begins to see it coming. */
function duration({ kernel, clocks, deadlines }: World, dice: Dice): number {
  const left = deadlines[0]! - clocks[0]!;
  const about = (at: number): number => Math.max(0, at + (dice.below(7) - 3) * (dice.once(2) ? 1 : cyclesPerTick));
  switch (dice.below(8)) {
    case 0:
      return about(left);
    case 1:
      return about(left - kernel.minBudget * cyclesPerTick);
    case 2:
      return dice.below(200_000);
    default:
      return dice.below(3000);
  }
}

/** What the current thread does next. */
function act({ world, clients, servers, endpoints, replies, alarm }: Scene, dice: Dice): void {
  const current = world.current();
  const server = servers.findIndex(({ tcb }) => tcb === current);
  const client = clients.find(({ tcb }) => tcb === current);
  const chance = dice.below(10);
  const words = Array.from({ length: dice.below(6) }, () => dice.below(1000));
  if (server === 0 && dice.once(3)) world.call(endpoints[1]!, 1, words);
  else if (server >= 0) world.replyRecv(endpoints[server]!, replies[server]!, words);
  else if (current === alarm.tcb) world.ecall(systemCall.yield);
  else if (client === undefined) pass(world, world.deadlines[0]! - world.clocks[0]!);
  else if (chance === 0) world.ecall(systemCall.yield);
  else if (chance <= 2) world.configure(client.sc, { budget: 40 + dice.below(100), period: 1500, extraRefills: 2 });
  else world.call(endpoints[dice.below(2)]!, 0, words);
}

function compare(domains: 1 | 2): void {
  const seed = Number(process.env['TEST_SEED']);
  const scenes = [true, false].map((fastPath) => scene(fastPath, domains));
  const dice = [0, 1].map(() => new Dice(seed, domains));
  const taken = new Map([systemCall.call, systemCall.replyRecv].map((number): [number, number] => [number, 0]));
  let asked = 0;
  for (let step = 0; step < 1500; step++) {
    const [fast, long] = scenes.map((each, i) => {
      pass(each.world, duration(each.world, dice[i]!));
      const { context } = each.world.current();
      act(each, dice[i]!);
      asked = context.xLow(callRegister.number) | 0;
      return state(each.world);
    });
    expect(fast, `step ${step}`).toEqual(long);
    // Only the fast path leaves time uncounted.
    const [ofFast, ofLong] = scenes.map(({ world }) => world.kernel.node.time);
    if (ofFast !== ofLong) taken.set(asked, taken.get(asked)! + 1);
  }
  for (const count of taken.values()) expect(count).toBeGreaterThan(50);
}

describe('the fast path leaves everything as the long way would, to the cycle', () => {
  it('in one domain', () => compare(1));
  it('with a domain that takes its turns', () => compare(2));
});
