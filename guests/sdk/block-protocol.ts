// What travels through a queue between a virtual machine's disk and the server behind it: requests one way, answers the
// other. The server may answer in any order, and more than once: only the first answer to an id counts. After the server
// has started anew, everything unanswered is asked again under new ids; so requests must bear repetition, and do.
//
// Both begin with a header of 24 bytes, little-endian; a write's or read's bytes follow.
//
//   offset 0  u8   request: operation; answer: status
//          1  u8   answer to info: 1 when the disk cannot be written
//          4  u32  length in bytes
//          8  u64  id, chosen by who asks; answers repeat it
//         16  u64  request: offset on the disk; answer to info: its size

export const blockOperations = ['info', 'read', 'write', 'flush', 'discard', 'write-zeroes'] as const;
export type BlockOperation = (typeof blockOperations)[number];

export const blockHeaderBytes = 24;

/** Offsets and lengths are multiples of 512, inside the disk. */
export interface BlockMessage {
  operation: BlockOperation;
  id: number;
  offset: number;
  length: number;
  /** Of a write. */
  bytes?: Uint8Array;
}

export interface BlockReply {
  ok: boolean;
  id: number;
  /** Answer to info: bytes of the disk, and whether it can only be read. */
  size: number;
  readOnly: boolean;
  /** Answer to a read. */
  bytes: Uint8Array;
}

export function encodeBlockMessage({ operation, id, offset, length, bytes }: BlockMessage): Uint8Array {
  return encode(blockOperations.indexOf(operation), 0, length, id, offset, bytes);
}

/** undefined: it is no request. */
export function decodeBlockMessage(message: Uint8Array): BlockMessage | undefined {
  const operation = blockOperations[message[0] ?? -1];
  if (operation === undefined || message.length < blockHeaderBytes) return undefined;
  const { length, id, place } = decode(message);
  return { operation, id, offset: place, length, bytes: message.subarray(blockHeaderBytes) };
}

export function encodeBlockReply(reply: Partial<BlockReply> & { ok: boolean; id: number }): Uint8Array {
  const { ok, id, size = 0, readOnly = false, bytes } = reply;
  return encode(ok ? 0 : 1, readOnly ? 1 : 0, bytes?.length ?? 0, id, size, bytes);
}

/** undefined: it is no answer. */
export function decodeBlockReply(message: Uint8Array): BlockReply | undefined {
  if (message.length < blockHeaderBytes || message[0]! > 1) return undefined;
  const { id, place } = decode(message);
  const readOnly = message[1] === 1;
  return { ok: message[0] === 0, id, size: place, readOnly, bytes: message.subarray(blockHeaderBytes) };
}

function encode(
  first: number,
  second: number,
  length: number,
  id: number,
  place: number,
  bytes?: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(blockHeaderBytes + (bytes?.length ?? 0));
  const view = new DataView(message.buffer);
  view.setUint8(0, first);
  view.setUint8(1, second);
  view.setUint32(4, length, true);
  setNumber(view, 8, id);
  setNumber(view, 16, place);
  if (bytes !== undefined) message.set(bytes, blockHeaderBytes);
  return message;
}

function decode(message: Uint8Array): { length: number; id: number; place: number } {
  const view = new DataView(message.buffer, message.byteOffset, blockHeaderBytes);
  return { length: view.getUint32(4, true), id: numberAt(view, 8), place: numberAt(view, 16) };
}

function setNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Inexact beyond 2^53, where no id and no disk is. */
function numberAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);
}
