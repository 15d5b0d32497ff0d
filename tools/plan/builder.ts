// The plan under construction: objects, capabilities and mappings are added here, so that names are unique and sizes right.

import { sizeBits as abi, coreSchedContextBytes } from '../../microvisor/abi/limits.ts';
import { extensionSizeBits } from '../../microvisor/abi/object-types.ts';
import { cspaceRadix } from './conventions.ts';
import type {
  AddressSpace,
  Capability,
  CSpace,
  Mapping,
  ObjectId,
  ObjectType,
  Plan,
  PlanObject,
  Rights,
} from './plan.ts';

export const rights = {
  /** Signal, or write a mapped page. */
  write: { read: false, write: true, grant: false, grantReply: false },
  /** Receive, or wait. */
  read: { read: true, write: false, grant: false, grantReply: false },
  /** Send, and be answered. */
  call: { read: false, write: true, grant: false, grantReply: true },
  all: { read: true, write: true, grant: true, grantReply: true },
} as const satisfies Record<string, Rights>;

const fixedSizeBits: Record<Exclude<ObjectType, 'Frame' | 'CNode' | 'DeviceFrame' | 'Untyped'>, number> = {
  TCB: abi.tcb,
  SchedContext: Math.log2(coreSchedContextBytes),
  Endpoint: abi.endpoint,
  Reply: abi.reply,
  Notification: abi.notification,
  PageTable: abi.pageTable,
  VSpace: abi.vspace,
  GuestRoot: extensionSizeBits.guestRoot,
  VCPU: extensionSizeBits.vcpu,
  IRQHandler: 0,
};

export const pageBytes = 2 ** abi.page;
export const megaPageBytes = 2 ** abi.largePage;
export const roundUp = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

export class PlanBuilder {
  readonly plan: Plan;
  readonly #objects = new Map<ObjectId, PlanObject>();

  constructor(head: Pick<Plan, 'system' | 'machine'>) {
    this.plan = {
      ...head,
      objects: [],
      cspaces: [],
      addressSpaces: [],
      threads: [],
      schedContexts: [],
      interrupts: [],
      domainSchedules: [],
      servers: [],
      contents: [],
      persistent: [],
    };
  }

  object(
    id: ObjectId,
    type: Exclude<ObjectType, 'Frame' | 'CNode' | 'PageTable' | 'DeviceFrame' | 'Untyped'>,
    owner: string,
  ): ObjectId {
    return this.#add({ id, type, sizeBits: fixedSizeBits[type], count: 1, owner });
  }

  /** One page of device registers at a physical address. */
  deviceFrame(id: ObjectId, owner: string, physical: number): ObjectId {
    return this.#add({ id, type: 'DeviceFrame', sizeBits: 0, count: 1, physical, owner });
  }

  /** Frames for `bytes`, as megapages when every address that they are mapped at allows it. */
  frames(id: ObjectId, bytes: number, owner: string, addresses: readonly number[]): ObjectId {
    const mega = bytes >= megaPageBytes && [bytes, ...addresses].every((each) => each % megaPageBytes === 0);
    const sizeBits = mega ? abi.largePage : abi.page;
    return this.#add({ id, type: 'Frame', sizeBits, count: Math.ceil(bytes / 2 ** sizeBits), owner });
  }

  get(id: ObjectId): PlanObject {
    return this.#objects.get(id)!;
  }

  cspace(cell: string, id: ObjectId, owner: string): CSpace {
    this.#add({ id, type: 'CNode', sizeBits: cspaceRadix + abi.slot, count: 1, owner });
    const cspace: CSpace = { cell, cnode: id, radix: cspaceRadix, guardBits: 64 - cspaceRadix, capabilities: [] };
    this.plan.cspaces.push(cspace);
    return cspace;
  }

  /** Puts a capability into a slot; the plan is wrong when the slot is taken. */
  capability(cspace: CSpace, slot: number, object: ObjectId, granted: Rights, purpose: string, badge?: bigint): void {
    if (cspace.capabilities.some((each) => each.slot === slot))
      throw new Error(`slot ${slot} of ${cspace.cnode} is taken`);
    if (!this.#objects.has(object)) throw new Error(`no object ${object}`);
    const capability: Capability = { slot, object, rights: { ...granted }, purpose };
    if (badge !== undefined) capability.badge = hex(badge);
    cspace.capabilities.push(capability);
  }

  addressSpace(cell: string, root: ObjectId): AddressSpace {
    const space: AddressSpace = { cell, root, pageTables: undefined, mappings: [] };
    this.plan.addressSpaces.push(space);
    return space;
  }

  map(space: AddressSpace, at: number, object: ObjectId, perms: Mapping['perms'], purpose: string): void {
    const { count, sizeBits, type } = this.get(object);
    const bytes = type === 'DeviceFrame' ? pageBytes : count * 2 ** sizeBits;
    space.mappings.push({ at, bytes, object, perms: { ...perms }, purpose });
  }

  /** The plan, capabilities and mappings sorted, page tables counted. */
  finish(): Plan {
    for (const cspace of this.plan.cspaces) cspace.capabilities.sort((a, b) => a.slot - b.slot);
    for (const space of this.plan.addressSpaces) {
      space.mappings.sort((a, b) => a.at - b.at);
      const count = this.#pageTablesOf(space);
      if (count === 0) continue;
      const { owner } = this.get(space.root);
      space.pageTables = this.#add({
        id: `${space.root}.tables`,
        type: 'PageTable',
        sizeBits: abi.pageTable,
        count,
        owner,
      });
    }
    this.plan.objects = [...this.#objects.values()];
    return this.plan;
  }

  /** Tables below the root that Sv39 (and Sv39x4, whose root alone is larger) needs for the mappings. */
  #pageTablesOf(space: AddressSpace): number {
    const middle = new Set<number>();
    const leaves = new Set<number>();
    for (const { at, bytes, object } of space.mappings) {
      const mega = this.get(object).sizeBits === abi.largePage;
      for (let page = Math.floor(at / megaPageBytes); page * megaPageBytes < at + bytes; page++) {
        middle.add(Math.floor(page / 512));
        if (!mega) leaves.add(page);
      }
    }
    return middle.size + leaves.size;
  }

  #add(object: PlanObject): ObjectId {
    if (this.#objects.has(object.id)) throw new Error(`two objects are named ${object.id}`);
    this.#objects.set(object.id, object);
    return object.id;
  }
}

export const hex = (value: bigint): string => `0x${value.toString(16)}`;
