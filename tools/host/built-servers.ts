// The package's own servers as `npm run build` has compiled them: loading one takes no compiler, and no time for it. What is
// there counts only for exactly the sources that it was made of.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPackage } from '../manifest/package-root.ts';
import type { RealmProgram } from '../realm/loader.ts';

export const slashes = (path: string): string => path.replaceAll('\\', '/');

/** immer's ES module, wherever npm has put it. */
export const immerPath = (): string =>
  slashes(join(dirname(fileURLToPath(import.meta.resolve('immer'))), 'immer.production.mjs'));

/** A compiled server; JSON. Sources have names: their path in the package, or `immer`. */
export interface BuiltServer {
  /** SHA-256 of each source. */
  sources: Record<string, string>;
  script: string;
  mutable: boolean;
  /** What `places` counts by. */
  files: string[];
  /** Three numbers each: file, line, column. */
  places: number[];
}

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Where the build puts the server in a source file of the package. */
export const builtPath = (name: string): string => join(ownPackage().folder, 'dist/servers', `${name}.json`);

/** Finds compiled servers; each source is looked at once. */
export class BuiltServers {
  private readonly folder = ownPackage().folder;
  private readonly immer = immerPath();
  private readonly digests = new Map<string, string | undefined>();
  private readonly trusted: boolean;
  private readonly source: (path: string) => string;

  /** `trusted`: use what there is. By default only the build does: who runs from the sources may have another compiler. */
  constructor({ trusted, read }: { trusted?: boolean; read?: (path: string) => string } = {}) {
    this.trusted = trusted ?? fileURLToPath(import.meta.url).startsWith(join(this.folder, 'dist/'));
    this.source = read ?? ((path) => readFileSync(path, 'utf8'));
  }

  /** undefined: it has to be compiled. */
  find(file: string): RealmProgram | undefined {
    const entry = resolve(file);
    if (!this.trusted || !entry.startsWith(this.folder)) return undefined;
    const built = this.read(slashes(relative(this.folder, entry)));
    if (built === undefined) return undefined;
    for (const [name, digest] of Object.entries(built.sources)) if (this.digest(name) !== digest) return undefined;
    const files = built.files.map((name) => slashes(relative(process.cwd(), this.pathOf(name))));
    const places = [{ file: '', line: 0, column: 0 }];
    for (let i = 0; i < built.places.length; i += 3) {
      const [file, line, column] = built.places.slice(i, i + 3) as [number, number, number];
      places.push({ file: files[file]!, line, column });
    }
    return { script: built.script, places, mutable: built.mutable };
  }

  private read(name: string): BuiltServer | undefined {
    try {
      return JSON.parse(readFileSync(builtPath(name), 'utf8')) as BuiltServer;
    } catch {
      return undefined;
    }
  }

  private pathOf(name: string): string {
    return name === 'immer' ? this.immer : join(this.folder, name);
  }

  private digest(name: string): string | undefined {
    if (!this.digests.has(name)) {
      let digest: string | undefined;
      try {
        digest = digestOf(this.source(this.pathOf(name)));
      } catch {
        // It is gone: then it is another source.
      }
      this.digests.set(name, digest);
    }
    return this.digests.get(name);
  }
}
