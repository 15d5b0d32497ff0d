// A disk image file of the host, read by position and never written.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { DiskImage } from '../../vdev/disk.ts';
import { fileError, Refusal } from '../refusal.ts';

const sectorSize = 512;

/** Opens an image of any size; a last sector that is not whole reads as if filled up with zeros. */
export function hostDisk(path: string): DiskImage {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw fileError(error, 'open', path);
  }
  const status = fstatSync(descriptor);
  if (!status.isFile() || status.size === 0) {
    closeSync(descriptor);
    throw new Refusal('refused', `${path}: a disk image is a file that is not empty`);
  }
  return {
    size: Math.ceil(status.size / sectorSize) * sectorSize,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes;
    },
  };
}
