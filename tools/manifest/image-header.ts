// Tells what an image is from its first bytes: ELF (System V ABI), Linux Image (Documentation/arch/riscv/boot-image-header),
// or something that cannot run here.

import type { DiagnosticCode } from './diagnostic-codes.ts';

export const imageHeaderSize = 64;

export type ImageFormat = 'elf' | 'linux-image';

/** What the image is, or which rule it breaks. */
export type ImageHeader =
  | { format: ImageFormat }
  | {
      code: Extract<DiagnosticCode, 'image-format' | 'image-class' | 'image-architecture'>;
      message: string;
      hint: string;
    };

const machines: Record<number, string> = {
  3: 'x86 (32-bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  40: 'ARM',
  43: 'SPARC',
  62: 'x86-64',
  183: 'AArch64',
  258: 'LoongArch',
};
const emRiscv = 243;

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** Reads the first `imageHeaderSize` bytes (or fewer, of a short file) of an image that should be of one of `formats`. */
export function readImageHeader(bytes: Uint8Array, formats: readonly ImageFormat[]): ImageHeader {
  const wanted = formats.includes('linux-image')
    ? 'a RISC-V Linux Image or a 64-bit RISC-V ELF'
    : 'a 64-bit RISC-V ELF';
  const refuse = (
    code: 'image-format' | 'image-class' | 'image-architecture',
    message: string,
    hint = `it must be ${wanted}`,
  ): ImageHeader => ({ code, message, hint });
  if (ascii(bytes, 0, 4) === '\x7fELF') {
    if (bytes.length < 64) return refuse('image-format', 'the ELF header is cut short');
    if (bytes[4] !== 2)
      return refuse('image-class', bytes[4] === 1 ? 'it is a 32-bit ELF' : `its ELF class is ${bytes[4]}`);
    if (bytes[5] !== 1) return refuse('image-class', 'it is a big-endian ELF');
    const machine = bytes[18]! | (bytes[19]! << 8);
    if (machine !== emRiscv)
      return refuse(
        'image-architecture',
        `it is an ELF for ${machines[machine] ?? `machine ${machine}`}`,
        'build it for riscv64',
      );
    const type = bytes[16]! | (bytes[17]! << 8);
    if (type !== 2 && type !== 3)
      return refuse('image-format', 'it is an ELF, but neither an executable nor position-independent', 'link it');
    return { format: 'elf' };
  }
  if (formats.includes('linux-image')) {
    if (ascii(bytes, 56, 60) === 'RSC\x05' || ascii(bytes, 48, 53) === 'RISCV') return { format: 'linux-image' };
    if (ascii(bytes, 56, 60) === 'ARM\x64')
      return refuse('image-architecture', 'it is a Linux Image for AArch64', 'build it for riscv64');
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    return refuse('image-format', 'it is compressed with gzip', 'unpack it first: gunzip');
  if (ascii(bytes, 0, 2) === 'MZ') return refuse('image-format', 'it is a PE executable', `it must be ${wanted}`);
  if (bytes.length === 0) return refuse('image-format', 'the file is empty');
  return refuse('image-format', 'it is neither an ELF nor a Linux Image');
}
