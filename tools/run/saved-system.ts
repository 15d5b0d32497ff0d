// A system on disk, between two runs.

import type { SavedSystem, System } from '../boot/system.ts';
import { type ArchiveKind, readArchive, writeArchive } from '../host/archive.ts';
import { Refusal } from '../refusal.ts';

const kind: ArchiveKind = { name: 'a system', version: 2 };

interface SavedFile {
  /** `System.identity`: only the same system can go on. */
  identity: string;
  system: SavedSystem;
}

export function saveSystem(path: string, system: System): void {
  const file: SavedFile = { identity: system.identity, system: system.save() };
  writeArchive(path, kind, file);
}

/** Throws a Refusal when the file is damaged, or of another system. */
export function loadSystem(path: string, system: System): void {
  const file = readArchive(path, kind) as SavedFile;
  if (file.identity !== system.identity) {
    throw new Refusal(
      'refused',
      `${path}: it was saved from another manifest, other images or other programs`,
      'give the manifest and the options of the run that saved it',
    );
  }
  system.load(file.system);
}
