// A virtio disk whose server is another cell, reached through a queue (guests/sdk/block-protocol.ts). A server that starts
// anew is asked again for everything that it has not answered; the guest only waits.

import type { DeviceBus, DeviceModel } from '../../hw/device.ts';
import { type BlkState, blockPart, completeBlock, fillBlock, resizeBlock, virtioBlk } from '../../vdev/virtio/blk.ts';
import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import type { VirtioState } from '../../vdev/virtio/transport.ts';
import { type BlockReply, blockHeaderBytes, decodeBlockReply, encodeBlockMessage } from '../sdk/block-protocol.ts';
import type { DiskRequest, DiskSlot } from './disk-state.ts';
import type { Vm } from './vm.ts';

const sectorBytes = 512;
/** Messages, and bytes in them, that the server may owe: more would only wait in its ring, and make one exit long. */
const piecesAtOnce = 32;
const bytesAtOnce = 0x4_0000;

/** A model for one access: what the driver asks for joins the slot's requests. */
export function diskModel(slot: DiskSlot): DeviceModel<VirtioState<BlkState>> {
  return virtioMmio(
    virtioBlk({
      takesParts: true,
      submit() {
        const { inFlight } = slot.virtio.device;
        const { tag, kind, offset, length } = inFlight[inFlight.length - 1]!;
        slot.requests.push({ tag, kind, offset, length, asked: 0, answered: 0, begun: false, failed: false });
        return undefined;
      },
    }),
  );
}

/** Takes answers, and asks for as much as there is room for. */
export function pumpDisk(vm: Vm, slot: DiskSlot, bus: DeviceBus): void {
  const generation = vm.port.peerGeneration(slot.channel.number);
  if (generation !== slot.generation) forget(slot, generation);
  forgetReset(slot);
  if (slot.answersDue) {
    slot.answersDue = false;
    takeAnswers(vm, slot, bus);
  }
  if (!slot.infoAsked) {
    slot.infoId = slot.nextId++;
    slot.infoAsked = send(vm, slot, { operation: 'info', id: slot.infoId, offset: 0, length: 0 });
  }
  for (const request of slot.requests) if (!ask(vm, slot, bus, request)) break;
}

/** Another life of the server: it knows nothing of what the last was asked. */
function forget(slot: DiskSlot, generation: number): void {
  slot.generation = generation;
  slot.infoAsked = false;
  slot.pieces = [];
  for (const request of slot.requests) Object.assign(request, { asked: 0, answered: 0, begun: false, failed: false });
}

/** The driver has reset the device, or taken its queue away: nobody waits for these any more. */
function forgetReset(slot: DiskSlot): void {
  const { inFlight } = slot.virtio.device;
  if (slot.requests.length === inFlight.length) return;
  slot.requests = slot.requests.filter(({ tag }) => inFlight.some((each) => each.tag === tag));
}

function takeAnswers(vm: Vm, slot: DiskSlot, bus: DeviceBus): void {
  for (;;) {
    const message = vm.port.receiveMessage(slot.channel.number);
    if (message === undefined) return;
    const reply = decodeBlockReply(message);
    if (reply !== undefined) takeAnswer(slot, bus, reply);
  }
}

function takeAnswer(slot: DiskSlot, bus: DeviceBus, reply: BlockReply): void {
  if (reply.id === slot.infoId) {
    if (!reply.ok) return;
    slot.known = true;
    resizeBlock(slot.virtio, bus, {
      capacitySectors: Math.floor(reply.size / sectorBytes),
      readOnly: reply.readOnly,
    });
    return;
  }
  const index = slot.pieces.findIndex(({ id }) => id === reply.id);
  if (index < 0) return;
  const { tag, at, length } = slot.pieces[index]!;
  slot.pieces.splice(index, 1);
  const request = slot.requests.find((each) => each.tag === tag);
  if (request === undefined) return;
  const isRead = request.kind === 'read';
  if (!reply.ok || (isRead && reply.bytes.length !== length)) request.failed = true;
  else if (isRead) fillBlock(slot.virtio, bus, tag, at, reply.bytes);
  request.answered += length;
  if (request.answered < request.length) return;
  slot.requests.splice(slot.requests.indexOf(request), 1);
  completeBlock(slot.virtio, bus, tag, request.failed ? { status: 'error' } : { status: 'ok', filled: true });
}

/** Asks for what is left of a request. false: there is no room, or enough is under way. */
function ask(vm: Vm, slot: DiskSlot, bus: DeviceBus, request: DiskRequest): boolean {
  const { tag, kind } = request;
  const carries = kind === 'read' || kind === 'write';
  const most = carries ? pieceBytes(slot) : request.length;
  while (!request.begun || request.asked < request.length) {
    if (slot.pieces.length >= piecesAtOnce || owed(slot) >= bytesAtOnce) return false;
    const at = request.asked;
    const length = Math.min(most, request.length - at);
    const bytes = kind === 'write' ? blockPart(slot.virtio, bus, tag, at, length) : undefined;
    const id = slot.nextId;
    const message = { operation: kind, id, offset: request.offset + at, length, ...(bytes && { bytes }) };
    if (!send(vm, slot, message)) return false;
    slot.nextId++;
    slot.pieces.push({ id, tag, at, length });
    request.asked += length;
    request.begun = true;
  }
  return true;
}

function owed({ pieces }: DiskSlot): number {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  return bytes;
}

/** Whole sectors that fit into a message beside its header. */
function pieceBytes({ channel }: DiskSlot): number {
  return Math.max(1, Math.floor((channel.messageBytes - blockHeaderBytes) / sectorBytes)) * sectorBytes;
}

function send(vm: Vm, slot: DiskSlot, message: Parameters<typeof encodeBlockMessage>[0]): boolean {
  const bytes = encodeBlockMessage(message);
  return bytes.length <= slot.channel.messageBytes && vm.port.sendMessage(slot.channel.number, bytes, false);
}
