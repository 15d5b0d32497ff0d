// A disk in a region of memory. Whoever has a queue to it reads and writes it (sdk/block-protocol.ts): the virtio disk of a
// virtual machine, for one. Where the region is marked `persist`, the disk outlives this server.
//
// config: at: where the region is mapped; size: bytes of the disk; readOnly: true refuses writes.

import {
  type BlockMessage,
  type BlockReply,
  blockHeaderBytes,
  type Cell,
  decodeBlockMessage,
  encodeBlockReply,
  QueueChannel,
  server,
} from '../sdk/index.ts';
import { machine } from '../sdk/machine.ts';

const sectorBytes = 512;

interface Disk {
  at: number;
  size: number;
  readOnly: boolean;
}

function diskOf({ config }: Cell<object>): Disk {
  const { at, size, readOnly } = config;
  if (typeof at !== 'number' || typeof size !== 'number') throw new RangeError('config.at and config.size are missing');
  return { at, size, readOnly: readOnly === true };
}

function answer(disk: Disk, { operation, id, offset, length, bytes }: BlockMessage): BlockReply {
  const { at, size, readOnly } = disk;
  const reply = { ok: true, id, size, readOnly, bytes: new Uint8Array(0) };
  const changes = operation === 'write' || operation === 'discard' || operation === 'write-zeroes';
  const isInside = offset % sectorBytes === 0 && length % sectorBytes === 0 && offset + length <= size;
  if ((changes && readOnly) || !isInside) return { ...reply, ok: false };
  switch (operation) {
    case 'read':
      return { ...reply, bytes: machine.loadBytes(at + offset, length) };
    case 'write':
      if (bytes?.length !== length) return { ...reply, ok: false };
      machine.storeBytes(at + offset, bytes);
      return reply;
    case 'write-zeroes':
      for (let done = 0; done < length; done += sectorBytes) {
        machine.storeBytes(at + offset + done, new Uint8Array(sectorBytes));
      }
      return reply;
    case 'info':
    case 'flush':
    case 'discard':
      return reply;
    default:
      return operation satisfies never;
  }
}

/** Answers as long as the longest answer has room: what is left waits until the client has taken some. */
function serve(disk: Disk, queue: QueueChannel): void {
  const longest = queue.config.message ?? blockHeaderBytes;
  while (queue.fits(longest)) {
    const message = queue.receive();
    if (message === undefined) return;
    const request = decodeBlockMessage(message);
    if (request === undefined) continue;
    const tooLong = request.operation === 'read' && blockHeaderBytes + request.length > longest;
    const reply = tooLong ? { ok: false, id: request.id } : answer(disk, request);
    queue.send(encodeBlockReply(reply));
  }
}

export default server({
  notified(cell, channel) {
    if (channel instanceof QueueChannel) serve(diskOf(cell), channel);
  },
});
