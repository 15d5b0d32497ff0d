// A Linux kernel for RISC-V: the header of `Image`, where it wants to be loaded, and the wrappers it comes in.

import { gunzipSync } from 'node:zlib';
import { failure, hex, type ReadResult } from './image-error.ts';

/**
 * A kernel ready to be copied to memory. It is entered at its first byte with a0 = hart id and a1 = address of the
 * device tree, paging off (Documentation/arch/riscv/boot.rst and boot-image-header.rst of Linux).
 */
export interface LinuxImage {
  readonly bytes: Uint8Array;
  /** Distance from the start of RAM (2 MiB aligned) to the first byte. */
  readonly textOffset: number;
  /** Bytes of memory that the kernel takes from its first byte on, .bss included: nothing else may be put there. */
  readonly imageSize: number;
  /** Version of the header: major, minor. */
  readonly version: readonly [number, number];
}

/** A kernel grows no larger than this when unpacked; a bomb does. */
const maxImageBytes = 256 * 1024 * 1024;
const headerSize = 64;
const magic2 = 0x05435352; // "RSC\x05"
const remedy = 'give the file arch/riscv/boot/Image of a kernel build, or the one that a distribution puts into /boot';

/** True if the bytes claim to be a kernel for RISC-V, plain or wrapped. */
export function looksLikeLinuxImage(bytes: Uint8Array): boolean {
  return (
    isGzip(bytes) || isZboot(bytes) || (bytes.length >= headerSize && viewOf(bytes).getUint32(56, true) === magic2)
  );
}

/** Reads `Image`, `Image.gz`, or an EFI zboot image that holds a gzip'd one; any input gives a value. */
export function readLinuxImage(bytes: Uint8Array): ReadResult<LinuxImage> {
  if (isZboot(bytes)) return readZboot(bytes);
  if (isGzip(bytes)) {
    const unpacked = gunzip(bytes, 'gzip stream (byte 0x0)');
    return unpacked.ok ? readPlain(unpacked.value) : unpacked;
  }
  return readPlain(bytes);
}

function readPlain(bytes: Uint8Array): ReadResult<LinuxImage> {
  if (bytes.length < headerSize) {
    return failure('image header (byte 0x0)', `the file has ${bytes.length} bytes, the header ${headerSize}`, remedy);
  }
  const view = viewOf(bytes);
  if (view.getUint32(56, true) !== magic2) {
    return failure('magic2 (byte 0x38)', 'this is not a Linux image for RISC-V', remedy);
  }
  const flags = view.getBigUint64(24, true);
  if ((flags & 1n) !== 0n) return failure('flags (byte 0x18)', 'this kernel is big-endian', remedy);
  const textOffset = view.getBigUint64(8, true);
  if (textOffset > BigInt(maxImageBytes) || textOffset % 4096n !== 0n) {
    return failure('text_offset (byte 0x8)', `${hex(textOffset)} is not a page near the start of RAM`, remedy);
  }
  const imageSize = view.getBigUint64(16, true);
  if (imageSize < BigInt(bytes.length) || imageSize > BigInt(maxImageBytes)) {
    return failure(
      'image_size (byte 0x10)',
      `${hex(imageSize)} is not between the size of the file (${hex(bytes.length)}) and ${hex(maxImageBytes)}`,
      remedy,
    );
  }
  const version = view.getUint32(32, true);
  return {
    ok: true,
    value: {
      bytes,
      textOffset: Number(textOffset),
      imageSize: Number(imageSize),
      version: [version >>> 16, version & 0xffff],
    },
  };
}

/** drivers/firmware/efi/libstub/zboot-header.S: "MZ", "zimg", payload offset and size, then the compressor's name. */
function readZboot(bytes: Uint8Array): ReadResult<LinuxImage> {
  const view = viewOf(bytes);
  const offset = view.getUint32(8, true);
  const size = view.getUint32(12, true);
  if (offset + size > bytes.length) {
    return failure(
      'zboot payload (byte 0x8)',
      `bytes ${hex(offset)} to ${hex(offset + size)} are past the end`,
      remedy,
    );
  }
  const name = String.fromCharCode(...bytes.subarray(24, 56)).replace(/\0.*$/s, '');
  if (name !== 'gzip') {
    const shown = JSON.stringify(name);
    return failure(
      'zboot compressor (byte 0x18)',
      `${shown} is not supported, only gzip`,
      'unpack the kernel yourself',
    );
  }
  const unpacked = gunzip(bytes.subarray(offset, offset + size), `gzip stream (byte ${hex(offset)})`);
  return unpacked.ok ? readPlain(unpacked.value) : unpacked;
}

function gunzip(bytes: Uint8Array, place: string): ReadResult<Uint8Array> {
  try {
    return { ok: true, value: gunzipSync(bytes, { maxOutputLength: maxImageBytes }) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const large = code === 'ERR_BUFFER_TOO_LARGE';
    return failure(place, large ? `it unpacks to more than ${hex(maxImageBytes)} bytes` : 'it is damaged', remedy);
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

function isZboot(bytes: Uint8Array): boolean {
  return (
    bytes.length >= headerSize &&
    viewOf(bytes).getUint16(0, true) === 0x5a4d &&
    viewOf(bytes).getUint32(4, true) === 0x676d697a
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
