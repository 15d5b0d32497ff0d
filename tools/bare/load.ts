// Puts images into a board's memory, in the places that their boot protocols name.

import { pageSize } from '../../hw/engine/layout.ts';
import { ramBase } from '../../hw/engine/memory.ts';
import { resetContext } from '../../hw/hart/reset.ts';
import { writeFdt } from '../../vdev/fdt.ts';
import { virtTree } from '../../vdev/virt-tree.ts';
import { accept, readImageFile } from '../host/image-file.ts';
import { type ElfImage, looksLikeElf, readElf } from '../image/elf.ts';
import { readLinuxImage } from '../image/linux-image.ts';
import { Refusal } from '../refusal.ts';
import type { Board } from './board.ts';

const megabyte = 1 << 20;
/** Where firmware jumps to: the next stage of OpenSBI's `fw_jump` on QEMU's `virt`. */
const nextStage = ramBase + 2 * megabyte;

function put(board: Board, path: string, address: number, bytes: Uint8Array, size = bytes.length): void {
  const { machine } = board;
  if (machine.memory.hostAddress(address, Math.max(1, size)) < machine.memory.layout.ram) {
    throw new Refusal(
      'refused',
      `${path}: 0x${address.toString(16)} to 0x${(address + size).toString(16)} is not RAM`,
      `RAM is 0x${ramBase.toString(16)} to 0x${(ramBase + machine.memory.layout.ramSize).toString(16)}; give more with --ram, or link the program there`,
    );
  }
  if (bytes.length > 0) machine.writeMemory(address, bytes);
}

/** Loads the segments of an ELF; returns where it is entered. */
export function loadElf(board: Board, path: string, elf: ElfImage, base = 0): number {
  for (const segment of elf.segments) {
    put(board, path, base + Number(segment.physicalAddress), segment.bytes, segment.memorySize);
  }
  return base + Number(elf.entry);
}

export interface TreeOptions {
  append?: string | undefined;
  initrd?: { start: number; end: number } | undefined;
  /** Absent: the tree tells the program no seed. */
  seed?: number;
}

/** Writes the board's device tree near the end of RAM, and returns its address. */
export function placeTree(board: Board, { append, initrd, seed }: TreeOptions = {}): number {
  const { machine } = board;
  const { ramSize } = machine.memory.layout;
  const tree = virtTree({
    kind: 'bare',
    harts: machine.harts.length,
    ramBytes: ramSize,
    ...(seed !== undefined && { rngSeed: seedBytes(seed) }),
    ...(append !== undefined && { bootargs: append }),
    ...(initrd && { initrd }),
    virtioSlots: board.virtioSlots,
    uart: true,
    rtc: true,
    finisher: true,
  });
  const address = ramBase + ramSize - 2 * megabyte;
  put(board, 'the device tree', address, writeFdt(tree));
  return address;
}

/** A seed as the device tree holds it: 32 bytes. */
function seedBytes(seed: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setFloat64(0, seed);
  return bytes;
}

/** An initial RAM disk below the device tree. */
export function placeInitrd(board: Board, path: string): { start: number; end: number } {
  const bytes = readImageFile(path);
  const end = ramBase + board.machine.memory.layout.ramSize - 2 * megabyte;
  const start = Math.floor((end - bytes.length) / pageSize) * pageSize;
  put(board, path, start, bytes);
  return { start, end: start + bytes.length };
}

/** A kernel: a Linux `Image` at its text offset, or an ELF where it is linked. Returns its entry. */
export function placeKernel(board: Board, path: string): number {
  const bytes = readImageFile(path);
  if (looksLikeElf(bytes)) return loadElf(board, path, accept(path, readElf(bytes)));
  const kernel = accept(path, readLinuxImage(bytes));
  const address = kernel.textOffset === 0 ? nextStage : ramBase + kernel.textOffset;
  put(board, path, address, kernel.bytes, kernel.imageSize);
  return address;
}

/** M-mode firmware at the start of RAM: an ELF, position-independent or linked there, or its raw bytes. */
export function placeFirmware(board: Board, path: string): number {
  const bytes = readImageFile(path);
  if (!looksLikeElf(bytes)) {
    put(board, path, ramBase, bytes);
    return ramBase;
  }
  const elf = accept(path, readElf(bytes));
  return loadElf(board, path, elf, elf.type === 'shared' ? ramBase : 0);
}

/** Starts every hart in M-mode at `entry` with a0 = hart id, a1 = device tree, a2 = `info` (OpenSBI's dynamic information). */
export function startHarts(board: Board, entry: number, tree: number, info = 0): void {
  for (const hart of board.machine.harts) {
    resetContext(hart.context, { pc: BigInt(entry), privilege: 3 });
    hart.context.setX(10, BigInt(hart.id));
    hart.context.setX(11, BigInt(tree));
    hart.context.setX(12, BigInt(info));
  }
}

/** fw_dynamic_info (OpenSBI, docs/firmware/fw_dynamic.md): the next stage starts at `next` in S-mode. */
export function dynamicInfo(next: number): Uint8Array {
  const magic = 0x4942534f; // "OSBI"
  const words = [magic, 2, next, 1, 0, 0];
  const bytes = new DataView(new ArrayBuffer(8 * words.length));
  for (const [index, word] of words.entries()) bytes.setBigUint64(8 * index, BigInt(word), true);
  return new Uint8Array(bytes.buffer);
}
