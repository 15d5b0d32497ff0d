// Tells what an image is from its first bytes: ELF (System V ABI), Linux Image (Documentation/arch/riscv/boot-image-header),
// or something that cannot run here.

import { elfFormat } from '../image/elf.ts';
import type { DiagnosticCode } from './diagnostic-codes.ts';

/** As much of a file as is looked at. */
export const imageHeaderSize = 4096;

export type ImageFormat = 'elf' | 'linux-image';

/** A range of an ELF that is loaded (PT_LOAD), its addresses virtual. */
export interface Segment {
  at: number;
  bytes: number;
  perms: { read: boolean; write: boolean; execute: boolean };
}

/** What the image is, or which rule it breaks. */
export type ImageHeader =
  | { format: 'elf'; segments: Segment[] }
  | { format: 'linux-image' }
  | {
      code: Extract<DiagnosticCode, 'image-format' | 'image-class' | 'image-architecture'>;
      message: string;
      hint: string;
    };

const machines: Record<number, string> = {
  3: 'x86',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC64',
  40: 'Arm',
  62: 'x86-64',
  183: 'AArch64',
  258: 'LoongArch',
};

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** Tells from the first `imageHeaderSize` bytes of a file (or all, if it is shorter) whether it is of one of `formats`. */
export function readImageHeader(head: Uint8Array, formats: readonly ImageFormat[]): ImageHeader {
  const wanted = formats.includes('linux-image')
    ? 'a RISC-V Linux Image or a 64-bit RISC-V ELF'
    : 'a 64-bit RISC-V ELF';
  const refuse = (
    code: 'image-format' | 'image-class' | 'image-architecture',
    message: string,
    hint = `it must be ${wanted}`,
  ): ImageHeader => ({ code, message, hint });
  if (ascii(head, 0, 4) === '\x7fELF') {
    if (head.length < elfFormat.headerSize) return refuse('image-format', 'the ELF header is cut short');
    if (head[4] !== 2)
      return refuse('image-class', head[4] === 1 ? 'it is a 32-bit ELF' : `its ELF class is ${head[4]}`);
    if (head[5] !== 1) return refuse('image-class', 'it is a big-endian ELF');
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const machine = view.getUint16(18, true);
    if (machine !== elfFormat.machineRiscv) {
      return refuse(
        'image-architecture',
        `it is an ELF for ${machines[machine] ?? `machine ${machine}`}`,
        'build it for riscv64',
      );
    }
    const type = view.getUint16(16, true);
    if (type !== elfFormat.typeExecutable && type !== elfFormat.typeShared) {
      return refuse('image-format', 'it is an ELF, but neither an executable nor position-independent', 'link it');
    }
    const segments = readSegments(view);
    return segments === undefined
      ? refuse('image-format', 'its program headers are damaged or not at its beginning', 'link it again')
      : { format: 'elf', segments };
  }
  if (formats.includes('linux-image')) {
    const isGzip = head[0] === 0x1f && head[1] === 0x8b;
    const isZboot = ascii(head, 0, 2) === 'MZ' && ascii(head, 4, 8) === 'zimg';
    if (isGzip || isZboot || ascii(head, 56, 60) === 'RSC\x05') return { format: 'linux-image' };
    if (ascii(head, 56, 60) === 'ARM\x64')
      return refuse('image-architecture', 'it is a Linux Image for AArch64', 'build it for riscv64');
  }
  if (head.length === 0) return refuse('image-format', 'the file is empty');
  return refuse(
    'image-format',
    formats.includes('linux-image') ? 'it is neither an ELF nor a Linux Image' : 'it is not an ELF',
  );
}

function readSegments(view: DataView): Segment[] | undefined {
  const table = Number(view.getBigUint64(32, true));
  const count = view.getUint16(56, true);
  const entry = elfFormat.programHeaderSize;
  if (count === 0 || view.getUint16(54, true) !== entry || table + count * entry > view.byteLength) return undefined;
  const segments: Segment[] = [];
  for (let at = table; at < table + count * entry; at += entry) {
    if (view.getUint32(at, true) !== elfFormat.segmentLoad) continue;
    const start = Number(view.getBigUint64(at + 16, true));
    const bytes = Number(view.getBigUint64(at + 40, true));
    const flags = view.getUint32(at + 4, true);
    const perms = { read: (flags & 4) !== 0, write: (flags & 2) !== 0, execute: (flags & 1) !== 0 };
    if (bytes > 0) segments.push({ at: start, bytes, perms });
  }
  return segments.length === 0 ? undefined : segments;
}
