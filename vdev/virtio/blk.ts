// Virtio block device (virtio 1.3, section 5.2). Requests go to a backend that may answer later, die, and be asked again.

import type { DeviceBus } from '../../hw/device.ts';
import { configChanged, needsReset, returnChain, takeChain, type VirtioDevice, type VirtioState } from './transport.ts';
import { type DescriptorChain, gather, scatter, totalLength } from './virtqueue.ts';

/** What a backend is asked. Offsets and lengths are in bytes, multiples of 512, and inside the disk. */
export type BlockRequest = { tag: number } & (
  | { kind: 'read'; offset: number; length: number }
  | { kind: 'write'; offset: number; bytes: Uint8Array }
  | { kind: 'flush' }
  | { kind: 'discard' | 'write-zeroes'; offset: number; length: number }
);

/** A read's answer carries as many bytes as were asked for, unless `fillBlock` has put them in place. */
export type BlockAnswer = { status: 'ok'; bytes?: Uint8Array; filled?: true } | { status: 'error' };

/** Where the data is. */
export interface BlockBackend {
  /** Answers at once, or returns undefined and has `completeBlock` called with the request's tag later. */
  submit(request: BlockRequest): BlockAnswer | undefined;
  /** Requests come without the bytes of writes: the backend takes them with `blockPart`, when and as many as it likes. */
  readonly takesParts?: boolean;
}

/** A request that the backend has and the driver waits for. Plain data. */
export interface BlockInFlight {
  tag: number;
  kind: BlockRequest['kind'];
  offset: number;
  length: number;
  chain: DescriptorChain;
}

export interface BlkState {
  /** Configuration: size in sectors of 512 bytes, whether writes are refused, and the serial (20 bytes of ASCII at most). */
  readonly capacitySectors: number;
  readonly readOnly: boolean;
  readonly serial: string;
  /** Tags are never used twice, not even after a reset: an answer that comes late finds nothing. */
  nextTag: number;
  /** In the order of submission. */
  inFlight: BlockInFlight[];
}

const sectorSize = 512;
const queueSize = 128;
/** Descriptors of data in a request: the queue's, less header and status. */
const segmentsMax = queueSize - 2;
const segmentSizeMax = 0x1_0000;
const dataLimit = segmentsMax * segmentSizeMax;
const zeroSectorsMax = 0x1_0000;
const serialSize = 20;
const headerSize = 16;

const feature = { sizeMax: 1, segMax: 2, readOnly: 5, blockSize: 6, flush: 9, discard: 13, writeZeroes: 14 };
const requestType = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 };
const requestStatus = { ok: 0, ioError: 1, unsupported: 2 };
const unmapFlag = 1;

export function blkState(options: { capacitySectors: number; readOnly?: boolean; serial?: string }): BlkState {
  const { capacitySectors, readOnly = false, serial = '' } = options;
  return { capacitySectors, readOnly, serial, nextTag: 1, inFlight: [] };
}

/** A disk on a backend. One request queue. */
export function virtioBlk(backend: BlockBackend): VirtioDevice<BlkState> {
  return {
    name: 'virtio-blk',
    deviceId: 2,
    queueSizes: () => [queueSize],
    features: ({ readOnly }) => [
      ...[feature.sizeMax, feature.segMax, feature.blockSize, feature.flush],
      ...(readOnly ? [feature.readOnly] : [feature.discard, feature.writeZeroes]),
    ],
    config,
    notified(virtio, bus, queue) {
      for (let chain = takeChain(virtio, bus, queue); chain !== undefined; chain = takeChain(virtio, bus, queue)) {
        // A driver that makes descriptors available again before it gets them back breaks the ring.
        if (virtio.device.inFlight.length >= queueSize) {
          needsReset(virtio, bus, 'more requests than descriptors');
          return;
        }
        start(virtio, bus, backend, chain);
      }
    },
    queueStopped(device) {
      device.inFlight = [];
    },
    reset(device) {
      device.inFlight = [];
    },
  };
}

/**
 * A backend's answer. Answers may come in any order. One whose tag isn't in flight (answered before, or forgotten in a
 * reset) changes nothing and returns false.
 */
export function completeBlock(
  virtio: VirtioState<BlkState>,
  bus: DeviceBus,
  tag: number,
  answer: BlockAnswer,
): boolean {
  const { device } = virtio;
  const index = device.inFlight.findIndex((request) => request.tag === tag);
  if (index < 0) return false;
  const { kind, length, chain } = device.inFlight[index]!;
  device.inFlight.splice(index, 1);
  let status = answer.status === 'ok' ? requestStatus.ok : requestStatus.ioError;
  let written = 0;
  if (kind === 'read' && answer.status === 'ok') {
    if (answer.filled) written = length;
    else if (answer.bytes?.length !== length) status = requestStatus.ioError;
    else if (scatter(bus, chain.writable, 0, answer.bytes)) written = length;
    else {
      needsReset(virtio, bus, 'a buffer is not in memory');
      return true;
    }
  }
  finish(virtio, bus, chain, status, written);
  return true;
}

/**
 * Part of a read's answer, `at` bytes into it: for backends that answer in pieces. false: the request isn't in flight, or the
 * part lies outside of it, and nothing was written.
 */
export function fillBlock(
  virtio: VirtioState<BlkState>,
  bus: DeviceBus,
  tag: number,
  at: number,
  bytes: Uint8Array,
): boolean {
  const request = virtio.device.inFlight.find((each) => each.tag === tag);
  if (request?.kind !== 'read' || at + bytes.length > request.length) return false;
  if (!scatter(bus, request.chain.writable, at, bytes)) needsReset(virtio, bus, 'a buffer is not in memory');
  return true;
}

/** Part of what a write in flight writes; undefined: there is no such part. */
export function blockPart(
  virtio: VirtioState<BlkState>,
  bus: DeviceBus,
  tag: number,
  at: number,
  length: number,
): Uint8Array | undefined {
  const request = virtio.device.inFlight.find((each) => each.tag === tag);
  if (request?.kind !== 'write' || at + length > request.length) return undefined;
  return gather(bus, request.chain.readable, headerSize + at, length);
}

/** The disk has another size, or it is known only now. */
export function resizeBlock(
  virtio: VirtioState<BlkState>,
  bus: DeviceBus,
  size: { capacitySectors: number; readOnly: boolean },
): void {
  const { device } = virtio;
  if (device.capacitySectors === size.capacitySectors && device.readOnly === size.readOnly) return;
  Object.assign(device, size);
  configChanged(virtio, bus);
}

/**
 * Everything in flight, in order, for a backend that has forgotten what it was asked. A write's bytes are taken from the
 * driver's buffers again, which the driver leaves alone until it is answered.
 */
export function replayBlock(virtio: VirtioState<BlkState>, bus: DeviceBus): BlockRequest[] {
  return virtio.device.inFlight.flatMap((request) => requestOf(request, bus) ?? []);
}

function requestOf(
  { tag, kind, offset, length, chain }: BlockInFlight,
  bus: DeviceBus,
  withBytes = true,
): BlockRequest | undefined {
  if (kind === 'flush') return { tag, kind };
  if (kind !== 'write') return { tag, kind, offset, length };
  const bytes = gather(bus, chain.readable, headerSize, withBytes ? length : 0);
  return bytes && { tag, kind, offset, bytes };
}

/** Reads one request and answers it or hands it to the backend. */
function start(virtio: VirtioState<BlkState>, bus: DeviceBus, backend: BlockBackend, chain: DescriptorChain): void {
  const { device } = virtio;
  const header = gather(bus, chain.readable, 0, headerSize);
  if (header === undefined || header.length < headerSize || totalLength(chain.writable) < 1) {
    needsReset(virtio, bus, 'a request without header or status');
    return;
  }
  const view = new DataView(header.buffer);
  const type = view.getUint32(0, true);
  const offset = sectorSize * sectorNumber(view, 8);
  const submit = (kind: BlockRequest['kind'], offset: number, length: number): void => {
    const tooLong = (kind === 'read' || kind === 'write') && length > dataLimit;
    if (tooLong || !isInside(device, offset, length)) {
      finish(virtio, bus, chain, requestStatus.ioError, 0);
      return;
    }
    const inFlight: BlockInFlight = { tag: device.nextTag++, kind, offset, length, chain };
    const request = requestOf(inFlight, bus, backend.takesParts !== true);
    if (request === undefined) {
      needsReset(virtio, bus, 'a buffer is not in memory');
      return;
    }
    device.inFlight.push(inFlight);
    const answer = backend.submit(request);
    if (answer !== undefined) completeBlock(virtio, bus, request.tag, answer);
  };

  switch (type) {
    case requestType.in:
      submit('read', offset, totalLength(chain.writable) - 1);
      return;
    case requestType.out:
      if (device.readOnly) finish(virtio, bus, chain, requestStatus.ioError, 0);
      else submit('write', offset, totalLength(chain.readable) - headerSize);
      return;
    case requestType.flush:
      submit('flush', 0, 0);
      return;
    case requestType.getId: {
      const id = new Uint8Array(Math.min(serialSize, totalLength(chain.writable) - 1));
      for (let i = 0; i < id.length; i++) id[i] = i < device.serial.length ? device.serial.charCodeAt(i) : 0;
      if (scatter(bus, chain.writable, 0, id)) finish(virtio, bus, chain, requestStatus.ok, id.length);
      else needsReset(virtio, bus, 'a buffer is not in memory');
      return;
    }
    case requestType.discard:
    case requestType.writeZeroes: {
      const range = device.readOnly ? undefined : zeroRange(bus, chain, type);
      if (range === undefined) finish(virtio, bus, chain, requestStatus.unsupported, 0);
      else submit(type === requestType.discard ? 'discard' : 'write-zeroes', range.offset, range.length);
      return;
    }
    default:
      finish(virtio, bus, chain, requestStatus.unsupported, 0);
  }
}

/** The one segment of a discard or write-zeroes request; undefined: more than one, or flags that aren't known. */
function zeroRange(
  bus: DeviceBus,
  chain: DescriptorChain,
  type: number,
): { offset: number; length: number } | undefined {
  const bytes = gather(bus, chain.readable, headerSize, 2 * headerSize);
  if (bytes?.length !== headerSize) return undefined;
  const view = new DataView(bytes.buffer);
  const allowed = type === requestType.writeZeroes ? unmapFlag : 0;
  if ((view.getUint32(12, true) & ~allowed) !== 0) return undefined;
  const sectors = view.getUint32(8, true);
  if (sectors > zeroSectorsMax) return undefined;
  return { offset: sectorSize * sectorNumber(view, 0), length: sectorSize * sectors };
}

/** A 64-bit sector number; inexact far beyond the end of any disk. */
function sectorNumber(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + 2 ** 32 * view.getUint32(offset + 4, true);
}

function isInside({ capacitySectors }: BlkState, offset: number, length: number): boolean {
  return length % sectorSize === 0 && offset + length <= capacitySectors * sectorSize;
}

/** Writes the status byte, the last of the writable buffers, and returns the chain. `written`: bytes of data before it. */
function finish(
  virtio: VirtioState<BlkState>,
  bus: DeviceBus,
  chain: DescriptorChain,
  status: number,
  written: number,
): void {
  const position = totalLength(chain.writable) - 1;
  if (!scatter(bus, chain.writable, position, Uint8Array.of(status))) {
    needsReset(virtio, bus, 'a status byte is not in memory');
    return;
  }
  // The used length counts from the first byte, so the status is in it only if all the data is.
  returnChain(virtio, bus, 0, chain, written === position ? position + 1 : written);
}

function config({ capacitySectors, readOnly }: BlkState): Uint8Array {
  const view = new DataView(new ArrayBuffer(60));
  view.setUint32(0, capacitySectors >>> 0, true);
  view.setUint32(4, Math.floor(capacitySectors / 2 ** 32), true);
  view.setUint32(8, segmentSizeMax, true);
  view.setUint32(12, segmentsMax, true);
  view.setUint32(20, sectorSize, true);
  view.setUint16(34, 1, true);
  if (!readOnly) {
    view.setUint32(36, zeroSectorsMax, true);
    view.setUint32(40, 1, true);
    view.setUint32(44, 1, true);
    view.setUint32(48, zeroSectorsMax, true);
    view.setUint32(52, 1, true);
    view.setUint8(56, 1);
  }
  return new Uint8Array(view.buffer);
}
