// What several cells share: each of these is a channel between them, windows or not. Derived from the plan alone.

import { formatTime } from '../manifest/units.ts';
import type { ObjectId, Plan } from './plan.ts';

export interface Sharing {
  /** Two or more, in the order of the manifest. */
  cells: string[];
  /** What they share: `channel lan`, `server console`, `hart 0`. */
  through: string;
}

export function sharings(plan: Plan): Sharing[] {
  const users = new Map<string, Set<string>>();
  const use = (through: string, cell: string): void =>
    void users.set(through, (users.get(through) ?? new Set()).add(cell));
  for (const { cell, channels, children } of plan.servers) {
    for (const { channel, peer } of channels) {
      use(`channel ${channel}`, cell);
      use(`channel ${channel}`, peer);
      use(`server ${peer}`, cell);
    }
    for (const child of children) if (child.cell !== cell) use(`supervisor ${cell}`, child.cell);
  }
  const ownerOf = new Map<ObjectId, string>(plan.objects.map(({ id, owner }) => [id, owner]));
  for (const { cell, mappings } of plan.addressSpaces) {
    for (const { object } of mappings) {
      const owner = ownerOf.get(object)!;
      if (owner.startsWith('region ')) use(owner, cell);
    }
  }
  for (const thread of plan.threads) {
    use(placeOf(plan, thread), thread.cell);
    if (thread.faultHandler === undefined) use('the boot task, which takes their faults', thread.cell);
  }
  const order = plan.servers.map(({ cell }) => cell);
  return [...users]
    .filter(([, cells]) => cells.size > 1)
    .map(([through, cells]) => ({ through, cells: order.filter((cell) => cells.has(cell)) }));
}

/** Where a thread runs: a hart, or one of its windows. */
function placeOf({ domainSchedules }: Plan, { tcb, hart }: Plan['threads'][number]): string {
  const schedule = domainSchedules.find((each) => each.hart === hart);
  const domain = schedule?.domains.find((each) => each.tcb === tcb)?.domain;
  const entry = schedule?.entries.find((each) => each.domain === domain);
  return entry === undefined ? `hart ${hart}` : `the window of hart ${hart} at ${formatTime(entry.atNs)}`;
}
