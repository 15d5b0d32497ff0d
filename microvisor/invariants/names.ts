// Objects, slots and capabilities in words, for messages about them.

import { capAddress } from '../cspace/capability.ts';
import {
  type Capability,
  capType,
  Endpoint,
  Notification,
  Reply,
  SchedContext,
  type Slot,
  Tcb,
  tcbSlot,
  threadState,
  Vcpu,
} from '../objects.ts';

export type NamedObject = Endpoint | Notification | Reply | SchedContext | Tcb | Vcpu;

const inverse = (table: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(table).map(([name, number]) => [number, name]));
const capNames = inverse(capType);
const stateNames = inverse(threadState);
const tcbSlotNames = inverse(tcbSlot);

export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
export const nameOfState = (tcb: Tcb): string => stateNames.get(tcb.state) ?? `state ${tcb.state}`;

function kindOf(object: NamedObject): string {
  if (object instanceof Endpoint) return 'endpoint';
  if (object instanceof Notification) return 'notification';
  if (object instanceof Reply) return 'reply object';
  if (object instanceof SchedContext) return 'scheduling context';
  return object instanceof Vcpu ? 'virtual hart' : 'thread';
}

export function nameOf(object: NamedObject | null): string {
  if (object === null) return 'nothing';
  const called = object instanceof Tcb ? ` "${object.name}"` : '';
  return `${kindOf(object)}${called} at ${object.address < 0 ? 'no address' : hex(object.address)}`;
}

export function nameOfCap(cap: Capability): string {
  const address = capAddress(cap);
  const kind = capNames.get(cap.type) ?? `type ${cap.type}`;
  return address < 0 ? kind : `${kind} at ${hex(address)}`;
}

export function nameOfSlot(slot: Slot): string {
  const { node, index } = slot;
  const place = node.ofTcb
    ? `${tcbSlotNames.get(index) ?? index} of the TCB at ${hex(node.address)}`
    : `slot ${index} of the CNode at ${hex(node.address)}`;
  return `${place} (${nameOfCap(slot.cap)})`;
}
