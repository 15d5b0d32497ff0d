// The state of a disk whose server is another cell. Plain data.

import { type BlkState, type BlockRequest, blkState, virtioBlk } from '../../vdev/virtio/blk.ts';
import { type VirtioState, virtioState } from '../../vdev/virtio/transport.ts';
import type { VmChannel } from './channel.ts';

/** A request of the driver. It travels in pieces that fit into a message. */
export interface DiskRequest {
  readonly tag: number;
  readonly kind: BlockRequest['kind'];
  readonly offset: number;
  readonly length: number;
  /** Bytes of it that have been asked for, and how many were answered. */
  asked: number;
  answered: number;
  /** Whether anything was asked: a flush has no bytes. */
  begun: boolean;
  failed: boolean;
}

/** A message that the server has not answered. `at`: its place in the request, in bytes. */
export interface DiskPiece {
  readonly id: number;
  readonly tag: number;
  readonly at: number;
  readonly length: number;
}

export interface DiskSlot {
  kind: 'blk';
  virtio: VirtioState<BlkState>;
  readonly channel: VmChannel;
  /** Which life of the server was asked last. */
  generation: number;
  /** Whether the disk's size has been asked for, under the id `infoId`, and whether it is known. */
  infoAsked: boolean;
  infoId: number;
  known: boolean;
  nextId: number;
  requests: DiskRequest[];
  pieces: DiskPiece[];
  /** The server has signalled. */
  answersDue: boolean;
}

/** The model whose shape the state has; what it asks its backend for goes nowhere. */
const shape = virtioBlk({ submit: () => undefined });

/** A disk of no size, until its server has answered. */
export function diskSlot(channel: VmChannel): DiskSlot {
  return {
    kind: 'blk',
    virtio: virtioState(shape, blkState({ capacitySectors: 0, serial: channel.name })),
    channel,
    generation: 0,
    infoAsked: false,
    infoId: 0,
    known: false,
    nextId: 1,
    requests: [],
    pieces: [],
    answersDue: true,
  };
}
