// The kernel's state as plain data, and back. The state is a graph of the classes in `classes`: objects become records in a table,
// references become indices into it. Contexts and memory are the machine's and are saved with it.

import { Context } from '../hw/hart/context.ts';
import { type Kernel, Node } from './kernel.ts';
import { AsidPool, CNode, Endpoint, Notification, Reply, SchedContext, Slot, Tcb, TcbQueue, Vcpu } from './objects.ts';
import type { Realm } from './realm.ts';

const classes = {
  Node,
  Slot,
  CNode,
  Tcb,
  TcbQueue,
  Endpoint,
  Notification,
  Reply,
  SchedContext,
  AsidPool,
  Vcpu,
} as const;
type ClassName = keyof typeof classes;
const classNames = new Map<object, ClassName>(
  (Object.keys(classes) as ClassName[]).map((name) => [classes[name].prototype, name]),
);

/** JSON: numbers, strings, booleans, null, arrays, and objects of one of the shapes below. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

export interface SavedKernel {
  version: 1;
  /** Fields of the kernel. */
  kernel: Plain;
  /** Every object that can be reached: its class, and its fields. */
  objects: { class: ClassName; fields: Record<string, Plain> }[];
  /** What the realms say of themselves, by index of the thread. */
  realms: { thread: number; number: number; state: unknown }[];
}

const kernelFields = [
  'nodes',
  'threads',
  'irqStates',
  'irqSlots',
  'asidTable',
  'emptyRoot',
  'freeContexts',
  'unusedContext',
] as const;

export function saveKernel(kernel: Kernel): SavedKernel {
  const indices = new Map<object, number>();
  const found: object[] = [];
  const saved: SavedKernel = { version: 1, kernel: null, objects: [], realms: [] };

  const encode = (value: unknown): Plain => {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'bigint') return { big: value.toString() };
    if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) };
    if (typeof value !== 'object') throw new Error(`a ${typeof value} can't be saved`);
    if (Array.isArray(value)) return value.map(encode);
    if (value instanceof Context) return { context: value.base };
    if (classNames.has(Object.getPrototypeOf(value) as object)) return { ref: indexOf(value) };
    return { fields: encodeFields(value) };
  };
  const encodeFields = (value: object): Record<string, Plain> =>
    Object.fromEntries(Object.entries(value).map(([name, field]) => [name, encode(field)]));
  const indexOf = (object: object): number => {
    const index = indices.get(object);
    if (index !== undefined) return index;
    indices.set(object, found.length);
    return found.push(object) - 1;
  };

  saved.kernel = Object.fromEntries(kernelFields.map((name) => [name, encode(kernel[name])]));
  for (let i = 0; i < found.length; i++) {
    const object = found[i]!;
    const { realm, ...rest } = object as { realm?: Realm | null };
    // Slots that hold nothing come into being again when they are looked at.
    const slots = object instanceof CNode ? { slots: [...object.occupied()].map((slot) => [slot.index, slot]) } : {};
    const fields = encodeFields({ ...rest, ...slots });
    saved.objects.push({ class: classNames.get(Object.getPrototypeOf(object) as object)!, fields });
    if (realm != null) saved.realms.push({ thread: i, number: (object as Tcb).realmNumber, state: realm.save() });
  }
  return saved;
}

/** Puts a saved state into a new kernel on a machine whose memory is that of the save. */
export function loadKernel(kernel: Kernel, saved: SavedKernel): void {
  const objects = saved.objects.map(({ class: name }) => Object.create(classes[name].prototype) as object);
  const decode = (value: Plain): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(decode);
    if ('big' in value) return BigInt(value['big'] as string);
    if ('number' in value) return Number(value['number']);
    if ('context' in value) return new Context(kernel.machine.memory, value['context'] as number);
    if ('ref' in value) return objects[value['ref'] as number];
    return decodeFields(value['fields'] as Record<string, Plain>);
  };
  const decodeFields = (fields: Record<string, Plain>): object =>
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, decode(field)]));

  saved.objects.forEach(({ fields }, i) => {
    const object = objects[i]!;
    Object.assign(object, decodeFields(fields));
    if (object instanceof CNode) object.restore(decode(fields['slots']!) as [number, Slot][]);
    if (object instanceof Tcb) object.realm = null;
  });
  Object.assign(kernel, decodeFields(saved.kernel as Record<string, Plain>));
  kernel.node = kernel.nodes[0]!;
  for (const { thread, number, state } of saved.realms) {
    const realm = kernel.machine.realms?.create(number);
    if (realm === undefined) throw new Error(`there is no realm ${number}`);
    realm.load(state);
    (objects[thread] as Tcb).realm = realm;
  }
  for (const node of kernel.nodes) kernel.machine.harts[node.id]!.context = node.current.context;
}
