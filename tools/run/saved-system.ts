// A system on disk, between two runs.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SavedSystem, System } from '../boot/system.ts';
import { CommandError, fileError } from '../cli/command-error.ts';

const format = 'microvisor system 1';

interface SavedFile {
  format: typeof format;
  /** Of the manifest's plan: only the same system can go on. */
  plan: string;
  system: SavedSystem;
}

/** Writes the file whole or not at all. */
export function saveSystem(path: string, system: System): void {
  const file: SavedFile = { format, plan: JSON.stringify(system.plan), system: system.save() };
  const bytes = gzipSync(serialize(file), { level: 1 });
  try {
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

export function loadSystem(path: string, system: System): void {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  let file: SavedFile | undefined;
  try {
    file = deserialize(gunzipSync(bytes)) as SavedFile;
  } catch {
    // Refused below: the file is not what it should be.
  }
  if (file?.format !== format)
    throw new CommandError(
      'refused',
      `${path}: this is not a system that --save wrote`,
      'save it again with this version',
    );
  if (file.plan !== JSON.stringify(system.plan)) {
    throw new CommandError(
      'refused',
      `${path}: it was saved from another manifest, or from other images`,
      'give the manifest and the options of the run that saved it',
    );
  }
  system.load(file.system);
}
