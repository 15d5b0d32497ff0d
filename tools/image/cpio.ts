// cpio archives in the "newc" format: what Linux unpacks as its first root file system
// (Documentation/driver-api/early-userspace/buffer-format.rst of Linux).

import { failure, hex, type ReadResult } from './image-error.ts';

/** One entry. `path` has no leading slash; `mode` is the permission bits, the kind's own bits are added. */
export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character' | 'block';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const kindBits = { file: 0o100000, directory: 0o040000, link: 0o120000, character: 0o020000, block: 0o060000 } as const;
const magic = '070701';
const headerSize = 110;
const trailer = 'TRAILER!!!';
const damaged = 'the archive is cut off or damaged: make it again (cpio -o -H newc)';

/** Packs entries in the order given, owned by root, without times: the same entries give the same bytes. */
export function writeCpio(entries: Iterable<CpioEntry>): Uint8Array {
  const parts: Uint8Array[] = [];
  let inode = 0;
  for (const entry of entries) {
    inode++;
    const device = entry.kind === 'character' || entry.kind === 'block' ? [entry.major, entry.minor] : [0, 0];
    const mode = kindBits[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode & 0o7777);
    const content =
      entry.kind === 'file'
        ? entry.bytes
        : entry.kind === 'link'
          ? new TextEncoder().encode(entry.target)
          : new Uint8Array();
    const links = entry.kind === 'directory' ? 2 : 1;
    parts.push(...record(entry.path, inode, mode, links, device, content));
  }
  parts.push(...record(trailer, 0, 0, 1, [0, 0], new Uint8Array()));
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const archive = new Uint8Array(Math.ceil(total / 512) * 512);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function record(
  path: string,
  inode: number,
  mode: number,
  links: number,
  device: number[],
  content: Uint8Array,
): Uint8Array[] {
  const name = new TextEncoder().encode(`${path}\0`);
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, ...device, name.length, 0];
  const header = magic + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return [
    new TextEncoder().encode(header),
    name,
    new Uint8Array(padding(headerSize + name.length)),
    content,
    new Uint8Array(padding(content.length)),
  ];
}

/** Unpacks one archive, up to its trailer; any input gives a value. Sockets and pipes are left out. */
export function readCpio(bytes: Uint8Array): ReadResult<CpioEntry[]> {
  const entries: CpioEntry[] = [];
  for (let at = 0; ; ) {
    const place = `entry ${entries.length} (byte ${hex(at)})`;
    if (at + headerSize > bytes.length) return failure(place, 'the archive ends without a trailer', damaged);
    const header = latin1(bytes.subarray(at, at + headerSize));
    if (!header.startsWith(magic)) return failure(place, `its magic is not ${magic}`, damaged);
    if (!/^[0-9a-fA-F]{104}$/.test(header.slice(6))) return failure(place, 'a field is not hexadecimal', damaged);
    const field = (index: number): number => Number.parseInt(header.slice(6 + 8 * index, 14 + 8 * index), 16);
    const nameSize = field(11);
    const size = field(6);
    const contentAt = at + headerSize + nameSize + padding(headerSize + nameSize);
    if (nameSize < 1 || nameSize > 4096) return failure(place, `a name of ${nameSize} bytes`, damaged);
    if (contentAt + size > bytes.length) return failure(place, 'it passes the end of the archive', damaged);
    const path = utf8(bytes.subarray(at + headerSize, at + headerSize + nameSize - 1));
    if (path === trailer) return { ok: true, value: entries };
    const entry = entryOf(path, field(1), [field(9), field(10)], bytes.subarray(contentAt, contentAt + size));
    if (entry !== undefined) entries.push(entry);
    at = contentAt + size + padding(size);
  }
}

function entryOf(
  path: string,
  bits: number,
  [major, minor]: [number, number],
  bytes: Uint8Array,
): CpioEntry | undefined {
  const mode = bits & 0o7777;
  switch (bits & 0o170000) {
    case kindBits.file:
      return { kind: 'file', path, mode, bytes };
    case kindBits.directory:
      return { kind: 'directory', path, mode };
    case kindBits.link:
      return { kind: 'link', path, target: utf8(bytes) };
    case kindBits.character:
      return { kind: 'character', path, mode, major, minor };
    case kindBits.block:
      return { kind: 'block', path, mode, major, minor };
    default:
      return undefined;
  }
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
