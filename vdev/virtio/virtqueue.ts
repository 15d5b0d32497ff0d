// The device's side of a split virtqueue (virtio 1.3, section 2.7). Everything in it was written by the guest: a ring that
// breaks the rules is reported, and costs no more work than its size allows.

import type { DeviceBus } from '../../hw/device.ts';

/** A queue as the driver has set it up. Plain data; addresses are guest physical. */
export interface VirtqueueState {
  /** Entries: a power of two, at most `maxSize`. */
  size: number;
  readonly maxSize: number;
  ready: boolean;
  /** Descriptor table, available ring, used ring. */
  descriptors: number;
  driver: number;
  device: number;
  /** Index of the next available entry to take, modulo 2^16. */
  nextAvailable: number;
  /** Index of the next used entry to write, modulo 2^16. */
  nextUsed: number;
}

/** A run of guest memory. */
export interface Segment {
  address: number;
  length: number;
}

/** A request: buffers that the device reads, then buffers that it writes. Plain data. */
export interface DescriptorChain {
  /** Index of the first descriptor, by which the chain is returned. */
  head: number;
  readable: Segment[];
  writable: Segment[];
}

/** What `popChain` finds. `broken`: the driver broke the protocol, and the device needs a reset. */
export type Popped = { kind: 'empty' } | { kind: 'chain'; chain: DescriptorChain } | { kind: 'broken'; reason: string };

const descriptorSize = 16;
const flag = { next: 1, write: 2, indirect: 4 };
const noInterrupt = 1;
/** Ring indices count modulo 2^16. */
const indexMask = 0xffff;
/** A chain longer than this in bytes is not allowed (section 2.7.5: 2^32 bytes). */
const chainBytesLimit = 2 ** 32;

export function virtqueueState(maxSize: number): VirtqueueState {
  return {
    size: maxSize,
    maxSize,
    ready: false,
    descriptors: 0,
    driver: 0,
    device: 0,
    nextAvailable: 0,
    nextUsed: 0,
  };
}

/** Whether the layout that the driver asks for is possible (sections 2.7 and 4.2.2.2). */
export function layoutFault({ size, maxSize, descriptors, driver, device }: VirtqueueState): string | undefined {
  if (size < 1 || size > maxSize || (size & (size - 1)) !== 0)
    return `queue size ${size} is no power of two up to ${maxSize}`;
  if (descriptors % 16 !== 0) return 'the descriptor table is misaligned';
  if (driver % 2 !== 0) return 'the available ring is misaligned';
  if (device % 4 !== 0) return 'the used ring is misaligned';
  return undefined;
}

/** Takes the next chain that the driver has made available. */
export function popChain(queue: VirtqueueState, bus: DeviceBus, eventIndex: boolean): Popped {
  const available = read16(bus, queue.driver + 2);
  if (available === undefined) return broken('the available ring is not in memory');
  const waiting = (available - queue.nextAvailable) & indexMask;
  if (waiting > queue.size) return broken(`the available index runs ${waiting} ahead in a queue of ${queue.size}`);
  if (waiting === 0) {
    // avail_event: a notification is wanted for the very next entry.
    if (eventIndex && !write16(bus, availEventAddress(queue), queue.nextAvailable)) {
      return broken('the used ring is not in memory');
    }
    return { kind: 'empty' };
  }
  const head = read16(bus, queue.driver + 4 + 2 * (queue.nextAvailable % queue.size));
  if (head === undefined) return broken('the available ring is not in memory');
  const popped = readChain(queue, bus, head);
  if (popped.kind === 'chain') queue.nextAvailable = (queue.nextAvailable + 1) & indexMask;
  return popped;
}

/** Where avail_event lies: behind the used ring. */
function availEventAddress(queue: VirtqueueState): number {
  return queue.device + 4 + 8 * queue.size;
}

/** Follows a chain: direct descriptors, then perhaps one table of indirect ones (section 2.7.5.3.2). */
function readChain(queue: VirtqueueState, bus: DeviceBus, head: number): Popped {
  const chain: DescriptorChain = { head, readable: [], writable: [] };
  let table = { address: queue.descriptors, entries: queue.size, indirect: false };
  let index = head;
  let visited = 0;
  let bytes = 0;
  for (;;) {
    // No chain visits a descriptor twice, so one that visits more than there are loops.
    if (visited++ === table.entries) return broken('a chain that loops');
    if (index >= table.entries) return broken(`descriptor ${index} of ${table.entries}`);
    const descriptor = readDescriptor(bus, table.address + descriptorSize * index);
    if (descriptor === undefined) return broken('a descriptor is not in memory');
    const { address, length, flags, next } = descriptor;
    if ((flags & flag.indirect) !== 0) {
      if (table.indirect) return broken('an indirect descriptor in an indirect table');
      if ((flags & flag.next) !== 0) return broken('an indirect descriptor with a successor');
      const entries = length / descriptorSize;
      if (!Number.isInteger(entries) || entries === 0) return broken(`an indirect table of ${length} bytes`);
      if (entries > queue.size) return broken('an indirect table longer than the queue');
      table = { address, entries, indirect: true };
      [index, visited] = [0, 0];
      continue;
    }
    if ((flags & flag.write) !== 0) chain.writable.push({ address, length });
    else if (chain.writable.length > 0) return broken('a readable buffer behind a writable one');
    else chain.readable.push({ address, length });
    bytes += length;
    if (bytes > chainBytesLimit) return broken('a chain of more than 4 GiB');
    if ((flags & flag.next) === 0) return { kind: 'chain', chain };
    index = next;
  }
}

function broken(reason: string): Popped {
  return { kind: 'broken', reason };
}

/** Returns a chain into which `written` bytes were written. false: the used ring is not in memory. */
export function pushUsed(queue: VirtqueueState, bus: DeviceBus, head: number, written: number): boolean {
  const element = new DataView(new ArrayBuffer(8));
  element.setUint32(0, head, true);
  element.setUint32(4, written, true);
  const entry = queue.device + 4 + 8 * (queue.nextUsed % queue.size);
  const next = (queue.nextUsed + 1) & indexMask;
  // The element before the index: a driver on another hart may look at any time.
  if (!writeBytes(bus, entry, new Uint8Array(element.buffer)) || !write16(bus, queue.device + 2, next)) return false;
  queue.nextUsed = next;
  return true;
}

/** Whether the driver wants an interrupt for the entry that was just pushed (section 2.7.7). */
export function wantsInterrupt(queue: VirtqueueState, bus: DeviceBus, eventIndex: boolean): boolean {
  if (!eventIndex) return ((read16(bus, queue.driver) ?? 0) & noInterrupt) === 0;
  const usedEvent = read16(bus, queue.driver + 4 + 2 * queue.size);
  return usedEvent === ((queue.nextUsed - 1) & indexMask);
}

export function totalLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

/** Copies up to `limit` bytes out of the segments, from `skip` on. undefined: some of them are not memory. */
export function gather(
  bus: DeviceBus,
  segments: readonly Segment[],
  skip: number,
  limit: number,
): Uint8Array | undefined {
  const pieces = slice(segments, skip, limit);
  const bytes = new Uint8Array(totalLength(pieces));
  let offset = 0;
  for (const { address, length } of pieces) {
    const part = readBytes(bus, address, length);
    if (part === undefined) return undefined;
    bytes.set(part, offset);
    offset += length;
  }
  return bytes;
}

/** Copies bytes into the segments, from `skip` on, as far as there is room. false: some of them are not memory. */
export function scatter(bus: DeviceBus, segments: readonly Segment[], skip: number, bytes: Uint8Array): boolean {
  let offset = 0;
  for (const { address, length } of slice(segments, skip, bytes.length)) {
    if (!writeBytes(bus, address, bytes.subarray(offset, offset + length))) return false;
    offset += length;
  }
  return true;
}

/** The segments of the bytes from `skip` to `skip + limit`. */
function slice(segments: readonly Segment[], skip: number, limit: number): Segment[] {
  const pieces: Segment[] = [];
  let [before, left] = [skip, limit];
  for (const { address, length } of segments) {
    const skipped = Math.min(before, length);
    const taken = Math.min(length - skipped, left);
    if (taken > 0) pieces.push({ address: address + skipped, length: taken });
    before -= skipped;
    left -= taken;
  }
  return pieces;
}

interface Descriptor {
  address: number;
  length: number;
  flags: number;
  next: number;
}

function readDescriptor(bus: DeviceBus, address: number): Descriptor | undefined {
  const bytes = readBytes(bus, address, descriptorSize);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, descriptorSize);
  return {
    address: view.getUint32(0, true) + 2 ** 32 * view.getUint32(4, true),
    length: view.getUint32(8, true),
    flags: view.getUint16(12, true),
    next: view.getUint16(14, true),
  };
}

function readBytes(bus: DeviceBus, address: number, length: number): Uint8Array | undefined {
  return address + length <= Number.MAX_SAFE_INTEGER ? bus.readMemory(address, length) : undefined;
}

function writeBytes(bus: DeviceBus, address: number, bytes: Uint8Array): boolean {
  return address + bytes.length <= Number.MAX_SAFE_INTEGER && bus.writeMemory(address, bytes);
}

function read16(bus: DeviceBus, address: number): number | undefined {
  const bytes = readBytes(bus, address, 2);
  return bytes === undefined ? undefined : bytes[0]! | (bytes[1]! << 8);
}

function write16(bus: DeviceBus, address: number, value: number): boolean {
  return writeBytes(bus, address, Uint8Array.of(value, value >>> 8));
}
