// The access matrix: who can read, write, call, interrupt, stop whom. Derived from the plan's capabilities and mappings
// alone, each entry with the chain of capabilities behind it. The boot task, which makes everything, is left out.

import { formatAddress } from '../manifest/units.ts';
import type { ObjectId, Plan } from './plan.ts';

export const accessKinds = ['call', 'signal', 'read', 'write', 'stop', 'fault', 'device'] as const;
export type AccessKind = (typeof accessKinds)[number];

export interface Access {
  subject: string;
  /** A cell; for `device` the device. */
  object: string;
  kind: AccessKind;
  /** From the subject's capability to what it acts on. */
  chain: string[];
}

export function accessMatrix(plan: Plan): Access[] {
  const accesses: Access[] = [];
  const cellOfThread = new Map(plan.threads.map((thread) => [thread.tcb, thread.cell]));
  const receivers = new Map<ObjectId, string>();
  for (const cspace of plan.cspaces) {
    for (const { object, rights } of cspace.capabilities)
      if (typeOf(plan, object) === 'Endpoint' && rights.read) receivers.set(object, cspace.cell);
  }
  const waiters = new Map(
    plan.threads.flatMap((thread) =>
      thread.boundNotification === undefined ? [] : [[thread.boundNotification, thread.cell]],
    ),
  );
  const deviceOf = new Map(plan.interrupts.map((interrupt) => [interrupt.handler, interrupt.device]));

  const add = (subject: string, object: string | undefined, kind: AccessKind, chain: string[]) => {
    if (object !== undefined && object !== subject) accesses.push({ subject, object, kind, chain });
  };
  for (const cspace of plan.cspaces) {
    for (const { slot, object, rights, badge } of cspace.capabilities) {
      const start = `${cspace.cnode}[${slot}]${badge === undefined ? '' : ` badge ${badge}`}`;
      switch (typeOf(plan, object)) {
        case 'Endpoint':
          if (rights.write) add(cspace.cell, receivers.get(object), 'call', [start, `Endpoint ${object}`]);
          break;
        case 'Notification':
          if (rights.write) add(cspace.cell, waiters.get(object), 'signal', [start, `Notification ${object}`]);
          break;
        case 'TCB':
          add(cspace.cell, cellOfThread.get(object), 'stop', [start, `TCB ${object}`]);
          break;
        case 'IRQHandler':
          add(cspace.cell, deviceOf.get(object), 'device', [start, `IRQHandler ${object}`]);
          break;
        default:
      }
    }
  }
  for (const thread of plan.threads) {
    if (thread.faultHandler === undefined) continue;
    const handler = receivers.get(thread.faultHandler.endpoint);
    if (handler === undefined) continue;
    add(handler, thread.cell, 'fault', [
      `TCB ${thread.tcb} fault endpoint`,
      `Endpoint ${thread.faultHandler.endpoint}`,
    ]);
  }
  addMemory(plan, add);
  const order = new Map(plan.servers.map((server, index) => [server.cell, index]));
  const rank = (cell: string) => order.get(cell) ?? order.size;
  const sorted = accesses.sort(
    (a, b) =>
      rank(a.subject) - rank(b.subject) ||
      rank(a.object) - rank(b.object) ||
      accessKinds.indexOf(a.kind) - accessKinds.indexOf(b.kind),
  );
  return sorted;
}

/** Who can read what another writes, or write what another reads, through frames that both map. */
function addMemory(
  plan: Plan,
  add: (subject: string, object: string, kind: AccessKind, chain: string[]) => void,
): void {
  const users = new Map<ObjectId, { cell: string; root: ObjectId; at: number; read: boolean; write: boolean }[]>();
  for (const space of plan.addressSpaces) {
    for (const { object, at, perms } of space.mappings) {
      const list = users.get(object) ?? [];
      list.push({ cell: space.cell, root: space.root, at, read: perms.read || perms.execute, write: perms.write });
      users.set(object, list);
    }
  }
  const step = (use: { root: ObjectId; at: number }, perms: string) => `${use.root} ${formatAddress(use.at)} ${perms}`;
  for (const [object, uses] of users) {
    for (const use of uses) {
      for (const other of uses) {
        if (use.cell === other.cell) continue;
        if (use.write && other.read)
          add(use.cell, other.cell, 'write', [step(use, 'w'), `Frame ${object}`, step(other, 'r')]);
        if (use.read && other.write)
          add(use.cell, other.cell, 'read', [step(use, 'r'), `Frame ${object}`, step(other, 'w')]);
      }
    }
  }
}

const types = new WeakMap<Plan, Map<ObjectId, string>>();

function typeOf(plan: Plan, id: ObjectId): string | undefined {
  let map = types.get(plan);
  if (map === undefined) {
    map = new Map(plan.objects.map((object) => [object.id, object.type]));
    types.set(plan, map);
  }
  return map.get(id);
}
