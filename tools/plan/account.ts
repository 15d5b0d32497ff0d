// What a plan costs: RAM by owner, processor time by hart, memory of the host.

import { layoutFor } from '../../hw/engine/layout.ts';
import { bootReserve } from './conventions.ts';
import type { Plan } from './plan.ts';

export interface MemoryAccount {
  ramBytes: number;
  usedBytes: number;
  /** Kernel, contexts, boot task. */
  reservedBytes: number;
  byOwner: { owner: string; bytes: number }[];
}

export function memoryAccount(plan: Plan): MemoryAccount {
  const byOwner = new Map<string, number>();
  for (const { owner, sizeBits, count } of plan.objects) {
    if (sizeBits > 0) byOwner.set(owner, (byOwner.get(owner) ?? 0) + count * 2 ** sizeBits);
  }
  const usedBytes = [...byOwner.values()].reduce((sum, bytes) => sum + bytes, bootReserve);
  return {
    ramBytes: plan.machine.ramBytes,
    usedBytes,
    reservedBytes: bootReserve,
    byOwner: [...byOwner].map(([owner, bytes]) => ({ owner, bytes })),
  };
}

export interface HartAccount {
  hart: number;
  /** Sum of the budgets that are guaranteed here; at most 1 in a plan of a checked manifest. */
  utilisation: number;
  budgets: { cell: string; object: string; budgetNs: number; periodNs: number; utilisation: number }[];
  /** Threads that run on what is left, by priority. */
  unbudgeted: { cell: string; tcb: string; priority: number }[];
  /** Per mode, which part of the frame each cell has a window for. */
  windows: { mode: string; cell: string; share: number }[];
}

export function hartAccounts(plan: Plan): HartAccount[] {
  const threadOf = new Map(plan.threads.map((thread) => [thread.schedContext, thread]));
  return Array.from({ length: plan.machine.harts }, (_, hart): HartAccount => {
    const budgets: HartAccount['budgets'] = [];
    const unbudgeted: HartAccount['unbudgeted'] = [];
    for (const { object, hart: on, budgetNs, periodNs, guaranteed, notification } of plan.schedContexts) {
      if (on !== hart) continue;
      const thread = threadOf.get(object) ?? plan.threads.find((each) => each.boundNotification === notification);
      // A passive server's own context ends with its initialisation.
      if (thread === undefined || (thread.passive && notification === undefined)) continue;
      const cell = thread.cell;
      if (guaranteed) budgets.push({ cell, object, budgetNs, periodNs, utilisation: budgetNs / periodNs });
      else unbudgeted.push({ cell, tcb: thread.tcb, priority: thread.priority });
    }
    const windows = plan.domainSchedules
      .filter((schedule) => schedule.hart === hart)
      .flatMap((schedule) => {
        const share = (domain: number) =>
          schedule.entries.filter((entry) => entry.domain === domain).reduce((sum, entry) => sum + entry.lengthNs, 0) /
          schedule.frameNs;
        const cells = new Map<string, number>();
        for (const { tcb, domain } of schedule.domains) {
          cells.set(plan.threads.find((thread) => thread.tcb === tcb)!.cell, share(domain));
        }
        return [...cells].map(([cell, part]) => ({ mode: schedule.mode, cell, share: part }));
      });
    unbudgeted.sort((a, b) => b.priority - a.priority);
    return {
      hart,
      utilisation: budgets.reduce((sum, each) => sum + each.utilisation, 0),
      budgets,
      unbudgeted,
      windows,
    };
  });
}

export interface HostAccount {
  /** The one WebAssembly memory: RAM, contexts, TLBs, page records, predecoded code. Touched pages only are resident. */
  machineBytes: number;
  /** Heaps of TypeScript servers at their limits. */
  realmBytes: number;
}

export function hostAccount(plan: Plan): HostAccount {
  const realms = new Set(
    plan.threads
      .filter((thread) => thread.program.kind !== 'elf' && thread.program.kind !== 'vcpu')
      .map((thread) => thread.cell),
  );
  return {
    machineBytes: layoutFor(plan.machine.ramBytes).wasmPages * 0x1_0000,
    realmBytes: plan.servers
      .filter((server) => realms.has(server.cell) && server.guest === undefined)
      .reduce((sum, server) => sum + server.memoryBytes, 0),
  };
}
