// Saved state on disk: plain data, compressed, with a checksum, written whole or not at all.

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fileError, Refusal } from '../refusal.ts';

/** What a file holds; a new shape is a new version. */
export interface ArchiveKind {
  /** As people call it: "a bare machine". */
  readonly name: string;
  readonly version: number;
}

/** "mvsa", the kind's version, SHA-256 of what follows; then the compressed data. */
const magic = 0x6173_766d;
const headerSize = 4 + 4 + 32;

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Throws a Refusal when the file cannot be written. */
export function writeArchive(path: string, kind: ArchiveKind, data: unknown): void {
  const body = gzipSync(serialize({ kind: kind.name, data }), { level: 1 });
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(kind.version, 4);
  digestOf(body).copy(header, 8);
  try {
    writeFileSync(`${path}.part`, Buffer.concat([header, body]));
    renameSync(`${path}.part`, path);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/** The data of an archive that `writeArchive` wrote. Throws a Refusal that says what is wrong with any other file. */
export function readArchive(path: string, kind: ArchiveKind): unknown {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  const refuse = (message: string, hint: string): never => {
    throw new Refusal('refused', `${path}: ${message}`, hint);
  };
  const again = 'save it again with this version';
  if (bytes.length < headerSize || bytes.readUInt32LE(0) !== magic) {
    return refuse('this is not a file that --save wrote', `give one that holds ${kind.name}`);
  }
  const body = bytes.subarray(headerSize);
  if (!digestOf(body).equals(bytes.subarray(8, headerSize))) refuse('the file is cut off or damaged', again);
  const content = deserialize(gunzipSync(body)) as { kind: string; data: unknown };
  if (content.kind !== kind.name) refuse(`this holds ${content.kind}`, `give one that holds ${kind.name}`);
  const version = bytes.readUInt32LE(4);
  if (version !== kind.version) refuse(`its format is version ${version}, and this is ${kind.version}`, again);
  return content.data;
}
