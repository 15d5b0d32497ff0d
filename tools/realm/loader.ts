// From the source of a server to the one script that its realm evaluates. Pure: sources come through `read`.

import { FileDiagnostics as Diagnostics, type FileDiagnostics, type SourceDiagnostic } from './diagnostic.ts';
import { meterSource } from './meter-source.ts';
import {
  declaresMutable,
  defaultExport,
  isNoServer,
  type ModuleSource,
  type ParsedModule,
  parseModule,
} from './module-source.ts';
import { realmGlobals } from './rules.ts';

export interface LoadRequest {
  /** Path of the server's module, with slashes. */
  entry: string;
  /** The text of a file; undefined: there is none. */
  read(path: string): string | undefined;
  /** Folder of `realm/` and `sdk/`. */
  guests: string;
  /** Path of immer's ES module. */
  immer: string;
  /** Folders that a server may import from, besides its own. */
  importable: readonly string[];
  /** How a path is shown in diagnostics and faults. */
  display(path: string): string;
}

/** A place in the source of a server. */
export interface SourcePlace {
  file: string;
  line: number;
  column: number;
}

export interface RealmProgram {
  /** Evaluates to a function that takes the gate and returns the realm's entry. */
  script: string;
  /** What the numbers in fault reports mean. */
  places: readonly SourcePlace[];
  /** The state changes in place, with an undo log. */
  mutable: boolean;
}

export type LoadResult = { ok: true; program: RealmProgram } | { ok: false; diagnostics: SourceDiagnostic[] };

/** Names that the SDK's modules may use besides the globals: the door to the machine. */
const sdkNames = ['$machine'];

/** Everything that a realm's context has; what a server may not use is shadowed by undefined. */
const nativeNames = [
  'Object',
  'Function',
  'Array',
  'Number',
  'parseFloat',
  'parseInt',
  'Boolean',
  'String',
  'Symbol',
  'Date',
  'Promise',
  'RegExp',
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'JSON',
  'Math',
  'Intl',
  'ArrayBuffer',
  'Uint8Array',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'Uint8ClampedArray',
  'BigUint64Array',
  'BigInt64Array',
  'DataView',
  'Map',
  'BigInt',
  'Set',
  'WeakMap',
  'WeakSet',
  'Proxy',
  'Reflect',
  'FinalizationRegistry',
  'WeakRef',
  'isFinite',
  'isNaN',
  'console',
  'SharedArrayBuffer',
  'Atomics',
  'WebAssembly',
  'globalThis',
] as const;

/** Depends on nothing of a server, and is made once. Places of immer come first, so their numbers are always the same. */
const supports = new Map<string, { library: string; inside: string; places: readonly SourcePlace[] }>();

export function loadProgram(request: LoadRequest): LoadResult {
  return new Loader(request).load();
}

class Loader {
  private readonly request: LoadRequest;
  private readonly places: SourcePlace[] = [{ file: '', line: 0, column: 0 }];
  private readonly placeIndex = new Map<string, number>();
  private readonly failed: FileDiagnostics[] = [];

  constructor(request: LoadRequest) {
    this.request = request;
  }

  load(): LoadResult {
    const { guests, immer, entry } = this.request;
    const { library, inside } = this.support(guests, immer);
    const ownFolder = entry.slice(0, entry.lastIndexOf('/') + 1);
    const allowed = [ownFolder, ...this.request.importable.map((folder) => `${folder}/`)];
    let mutable = false;
    const program = this.bundle(
      '$$program',
      entry,
      (path) => ({ privileged: path.startsWith(`${guests}/sdk/`) ? sdkNames : [], metered: true }),
      (parsed) => {
        const exported = defaultExport(parsed.program!);
        if (exported === undefined || isNoServer(exported)) {
          const hint = 'a server is a module with `export default server({ … })`';
          parsed.diagnostics.report(0, 'no-server', 'The module has no server as its default export', hint);
        }
        mutable = exported !== undefined && declaresMutable(exported);
        return mutable;
      },
      (path) => allowed.some((folder) => path.startsWith(folder)),
    );
    const diagnostics = this.failed.flatMap(({ found }) => found);
    if (diagnostics.length > 0) return { ok: false, diagnostics };
    const parameters = [...nativeNames, ...sdkNames].join(', ');
    const given = nativeNames.map((name) =>
      (realmGlobals as readonly string[]).includes(name) ? `globals.${name}` : 'undefined',
    );
    const script = [
      `(($global) => function ($gate) { 'use strict'; const {${nativeNames.join(', ')}} = $global;`,
      meterSource,
      `const $immer = (function () {${library}})();`,
      `const $inside = (function () {${inside}})();`,
      'const $$regexp = $inside.regexp;',
      `const $program = function (${parameters}) {${program}};`,
      `return $inside.boot((globals, machine) => $program(${given.join(', ')}, machine), ${mutable});`,
      '})(globalThis)',
    ].join('\n');
    return { ok: true, program: { script, places: this.places, mutable } };
  }

  /** What every script begins with: immer, and the realm's own modules. */
  private support(guests: string, immer: string): { library: string; inside: string } {
    const key = `${guests}\n${immer}`;
    let known = supports.get(key);
    if (known === undefined) {
      const library = this.bundle('$$immer', immer, () => ({ privileged: undefined, metered: true }), false);
      const inside = this.bundle(
        '$$inside',
        `${guests}/realm/main.ts`,
        () => ({ privileged: undefined, metered: false }),
        false,
      );
      known = { library, inside, places: [...this.places] };
      if (this.failed.every(({ found }) => found.length === 0)) supports.set(key, known);
    } else this.places.push(...known.places.slice(1));
    return known;
  }

  private place(file: string): (line: number, column: number) => number {
    const shown = this.request.display(file);
    return (line, column) => {
      const key = `${shown}:${line}:${column}`;
      let index = this.placeIndex.get(key);
      if (index === undefined) {
        index = this.places.push({ file: shown, line, column }) - 1;
        this.placeIndex.set(key, index);
      }
      return index;
    };
  }

  /** The text of a function body that evaluates `entry` and what it imports, and returns the exports of `entry`. */
  private bundle(
    prefix: string,
    entry: string,
    rights: (path: string) => { privileged: readonly string[] | undefined; metered: boolean },
    journal: boolean | ((entry: ParsedModule) => boolean),
    allowed: (path: string) => boolean = () => true,
  ): string {
    const modules = new Map<string, { name: string; source: ModuleSource; exported: Set<string> } | 'loading'>();
    const parts: string[] = [];
    let journals = journal === true;

    const visit = (
      path: string,
      from: FileDiagnostics,
      at: number,
    ): { name: string; exported: Set<string> } | undefined => {
      const known = modules.get(path);
      if (known === 'loading') {
        from.report(at, 'import-cycle', `${this.request.display(path)} is imported by a module that it imports`);
        return undefined;
      }
      if (known !== undefined) return known;
      const text = this.request.read(path);
      if (text === undefined) {
        from.report(
          at,
          'missing-module',
          `There is no module ${this.request.display(path)}`,
          'paths are relative and end in .ts',
        );
        return undefined;
      }
      modules.set(path, 'loading');
      const parsed = parseModule({ file: this.request.display(path), text, ...rights(path), place: this.place(path) });
      this.failed.push(parsed.diagnostics);
      if (parsed.program === undefined) return undefined;
      if (path === entry && typeof journal === 'function') journals = journal(parsed);
      const source = parsed.finish(journals);
      const exported = new Set(source.exports.keys());
      const bindings: string[] = [];
      const returned = [...source.exports].map(([name, local]) => `${JSON.stringify(name)}: ${local}`);
      for (const { specifier, start, names, reexportsAll } of source.imports) {
        const target = resolve(specifier, path, this.request.guests);
        if (target === undefined || !allowed(target)) {
          const hint = 'a server imports its own folder, microvisor/sdk, and what the SDK is made of';
          parsed.diagnostics.report(start, 'import-not-allowed', `A server cannot import ${specifier}`, hint);
          continue;
        }
        const found = visit(target, parsed.diagnostics, start);
        if (found === undefined) continue;
        for (const { local, imported, start: nameStart } of names) {
          if (imported === '*') bindings.push(`const ${local} = ${found.name};`);
          else if (found.exported.has(imported))
            bindings.push(`const ${local} = ${found.name}[${JSON.stringify(imported)}];`);
          else parsed.diagnostics.report(nameStart, 'missing-export', `${specifier} has no export ${imported}`);
        }
        if (reexportsAll) {
          for (const name of found.exported) {
            if (name === 'default' || exported.has(name)) continue;
            exported.add(name);
            returned.push(`${JSON.stringify(name)}: ${found.name}[${JSON.stringify(name)}]`);
          }
        }
      }
      const name = `${prefix}${parts.length}`;
      const result = `Object.freeze({__proto__: null, ${returned.join(', ')}})`;
      parts.push(`const ${name} = (function () {${source.text(bindings.join(''), result)}})();`);
      const linked = { name, source, exported };
      modules.set(path, linked);
      return linked;
    };
    const root = new Diagnostics(this.request.display(entry), '');
    this.failed.push(root);
    const linked = visit(entry, root, 0);
    return `${parts.join('\n')}\nreturn ${linked?.name ?? 'undefined'};`;
  }
}

/** The path that a specifier names. undefined: not a path, and not the SDK. */
function resolve(specifier: string, from: string, guests: string): string | undefined {
  if (specifier === 'microvisor/sdk') return `${guests}/sdk/index.ts`;
  if (!specifier.startsWith('./') && !specifier.startsWith('../')) return undefined;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
