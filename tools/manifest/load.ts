// Reads and checks a manifest: the one way from a file to a Manifest, or to everything that is wrong with it.

import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Diagnostic, type DocumentPath, type Place, sortDiagnostics } from './diagnostic.ts';
import { HostFiles, type ManifestFiles } from './files.ts';
import type { Manifest } from './model.ts';
import { readDocument } from './reader.ts';
import { resolveManifest } from './resolve.ts';
import { checkCalls } from './rules/calls.ts';
import { checkChannels } from './rules/channels.ts';
import { RuleContext } from './rules/context.ts';
import { checkDevices } from './rules/devices.ts';
import { checkHealth } from './rules/health.ts';
import { checkImages } from './rules/images.ts';
import { checkMemory } from './rules/memory.ts';
import { checkReferences } from './rules/references.ts';
import { checkTime } from './rules/time.ts';
import { type ManifestDraft, manifestType } from './schema.ts';
import { Source } from './source.ts';

/** Longer files are no manifests. */
const maxBytes = 4 * 2 ** 20;

export type Loaded =
  | { ok: true; manifest: Manifest; placeOf: (path: DocumentPath) => Place }
  | { ok: false; diagnostics: Diagnostic[] };

export interface LoadOptions {
  /** `path=value`, put into the document before it is read. */
  overrides?: readonly string[];
  files?: ManifestFiles;
}

/** Checks the text of a manifest; `file` is its name in diagnostics. */
export function checkManifest(text: string, file: string, { overrides = [], files }: LoadOptions = {}): Loaded {
  const source = new Source(file, text, overrides);
  const problems = [...source.problems];
  if (source.isDocument) {
    const read = readDocument(source, manifestType.shape);
    problems.push(...read.problems);
    const draft = read.value as ManifestDraft | undefined;
    if (draft !== undefined) {
      const context = new RuleContext(draft, read.places);
      checkReferences(context);
      checkChannels(context);
      checkMemory(context);
      checkDevices(context);
      checkTime(context);
      checkCalls(context);
      checkHealth(context);
      const images = checkImages(context, files ?? new HostFiles(dirname(resolve(file))));
      problems.push(...context.problems);
      if (problems.length === 0) {
        return { ok: true, manifest: resolveManifest(file, draft, images), placeOf: (path) => read.places.of(path) };
      }
    }
  }
  return { ok: false, diagnostics: sortDiagnostics(problems) };
}

/** Reads and checks the manifest at `path`. */
export function loadManifest(path: string, options: LoadOptions = {}): Loaded {
  const unreadable = (message: string, hint: string): Loaded => ({
    ok: false,
    diagnostics: [
      { code: 'manifest-unreadable', place: { file: path, line: 1, column: 1, path: '' }, message, hint, related: [] },
    ],
  });
  let bytes: Uint8Array;
  try {
    const facts = statSync(path);
    if (facts.isDirectory()) return unreadable('it is a directory', 'name the manifest in it');
    // A device or a pipe may have no end.
    if (!facts.isFile()) return unreadable('it is not a file', 'give the path of a YAML file');
    if (facts.size > maxBytes) return unreadable(`it has ${facts.size} bytes`, `a manifest has at most ${maxBytes}`);
    bytes = readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? unreadable('there is no such file', 'give the path of a YAML file')
      : unreadable(`it cannot be read (${code})`, 'may you read it?');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return unreadable('it is not UTF-8 text', 'a manifest is a YAML file in UTF-8');
  }
  return checkManifest(text, path, options);
}
