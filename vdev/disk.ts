// Block backends that answer at once: a disk image itself, and an overlay that never writes what lies below it.

import type { BlockAnswer, BlockBackend, BlockRequest } from './virtio/blk.ts';

/** Bytes that can be read. `read` is only asked for ranges inside `size`. */
export interface DiskImage {
  /** In bytes: a multiple of 512. */
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

export interface WritableDiskImage extends DiskImage {
  write(offset: number, bytes: Uint8Array): void;
  /** Makes earlier writes durable. */
  flush(): void;
}

/** What was written to an overlay, as plain data: cluster number to contents, one character (0 to 255) per byte. */
export type SavedOverlay = Record<string, string>;

const clusterSize = 4096;

/** A backend that works on an image. What the image throws is its host's bug and passes through. */
export function diskBackend(image: WritableDiskImage): BlockBackend {
  return { submit: (request) => serve(image, request) };
}

/** An image in memory, of zeros or the given contents. */
export function memoryDisk(contents: Uint8Array): WritableDiskImage {
  return {
    size: contents.length,
    read: (offset, length) => contents.slice(offset, offset + length),
    write: (offset, bytes) => contents.set(bytes, offset),
    flush: () => {},
  };
}

/** Copy-on-write: reads see earlier writes, and `base` is never written. Its contents can be saved and loaded. */
export function overlayDisk(
  base: DiskImage,
): WritableDiskImage & { save(): SavedOverlay; load(saved: SavedOverlay): void } {
  const clusters = new Map<number, Uint8Array>();
  const pieces = (offset: number, length: number): { cluster: number; within: number; at: number; count: number }[] => {
    const list = [];
    for (let at = 0; at < length; ) {
      const cluster = Math.floor((offset + at) / clusterSize);
      const within = offset + at - cluster * clusterSize;
      const count = Math.min(clusterSize - within, length - at);
      list.push({ cluster, within, at, count });
      at += count;
    }
    return list;
  };
  return {
    size: base.size,
    read(offset, length) {
      const bytes = base.read(offset, length).slice();
      for (const { cluster, within, at, count } of pieces(offset, length)) {
        const written = clusters.get(cluster);
        if (written !== undefined) bytes.set(written.subarray(within, within + count), at);
      }
      return bytes;
    },
    write(offset, bytes) {
      for (const { cluster, within, at, count } of pieces(offset, bytes.length)) {
        let contents = clusters.get(cluster);
        if (contents === undefined) {
          const start = cluster * clusterSize;
          contents = new Uint8Array(clusterSize);
          contents.set(base.read(start, Math.min(clusterSize, base.size - start)));
          clusters.set(cluster, contents);
        }
        contents.set(bytes.subarray(at, at + count), within);
      }
    },
    flush() {},
    save() {
      const saved: SavedOverlay = {};
      for (const [cluster, contents] of clusters) saved[cluster] = String.fromCharCode(...contents);
      return saved;
    },
    load(saved) {
      clusters.clear();
      for (const [cluster, contents] of Object.entries(saved)) {
        clusters.set(
          Number(cluster),
          Uint8Array.from(contents, (character) => character.charCodeAt(0)),
        );
      }
    },
  };
}

function serve(image: WritableDiskImage, request: BlockRequest): BlockAnswer {
  switch (request.kind) {
    case 'read':
      return { status: 'ok', bytes: image.read(request.offset, request.length) };
    case 'write':
      image.write(request.offset, request.bytes);
      return { status: 'ok' };
    case 'flush':
      image.flush();
      return { status: 'ok' };
    case 'discard':
      // What a discarded sector reads as is unspecified; leaving it alone is the least surprise.
      return { status: 'ok' };
    case 'write-zeroes':
      image.write(request.offset, new Uint8Array(request.length));
      return { status: 'ok' };
    default:
      return request satisfies never;
  }
}
