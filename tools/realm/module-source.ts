// One module of a realm's program: types stripped, parsed, checked, instrumented, turned into the text of a function.

import { type AnyNode, type Program, parse, type Token } from 'acorn';
import MagicString from 'magic-string';
import blankSpace from 'ts-blank-space';
import { FileDiagnostics, type SourceDiagnostic } from './diagnostic.ts';
import { instrument } from './instrument.ts';
import { checkNames, checkSyntax } from './rules.ts';
import { analyseScopes } from './scopes.ts';
import { boundNames } from './syntax-tree.ts';

export interface ModuleImport {
  specifier: string;
  start: number;
  /** Local name and imported name; '*' stands for the namespace. */
  names: { local: string; imported: string; start: number }[];
  /** `export * from`: everything goes on to the importers. */
  reexportsAll: boolean;
}

export interface ModuleSource {
  imports: ModuleImport[];
  /** Exported name to local expression. */
  exports: Map<string, string>;
  /** Whether a call in the module's default export says `mutable: true`. */
  mutable: boolean;
  diagnostics: FileDiagnostics;
  /** The body of the module's function: `imports` binds what it imports, `exports` is the object it returns. */
  text(imports: string, exports: string): string;
}

export interface ModuleOptions {
  file: string;
  text: string;
  /** Names beyond the realm's globals that this module may use. undefined: any name, and no check at all. */
  privileged: readonly string[] | undefined;
  metered: boolean;
  place(line: number, column: number): number;
}

/** What a module looks like before it is known whether states change in place. */
export interface ParsedModule {
  file: string;
  program: Program | undefined;
  diagnostics: FileDiagnostics;
  finish(journal: boolean): ModuleSource;
}

interface Syntax {
  javaScript: string;
  tokens: readonly Token[];
  program: Program | undefined;
  problems: readonly { start: number; code: string; message: string; hint?: string }[];
}

/** Nodes begin with the blanks and comments before them. */
function skipTrivia(text: string, start: number): number {
  const trivia = /(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*/y;
  trivia.lastIndex = start;
  return start + (trivia.exec(text)?.[0].length ?? 0);
}

/** Syntax by file and text. The SDK is part of every server: it is parsed once. */
const parsed = new Map<string, { text: string; syntax: Syntax }>();

function syntaxOf(file: string, text: string): Syntax {
  const known = parsed.get(file);
  if (known?.text === text) return known.syntax;
  const problems: Syntax['problems'][number][] = [];
  let javaScript = text;
  if (!file.endsWith('.mjs')) {
    javaScript = blankSpace(text, (node) => {
      problems.push({
        start: skipTrivia(text, node.pos),
        code: 'typescript-syntax',
        message: 'Enums, namespaces and parameter properties are more than types',
        hint: 'use unions of literals, plain objects, modules, and fields that are assigned',
      });
    });
  }
  const tokens: Token[] = [];
  let program: Program | undefined;
  if (problems.length === 0) {
    try {
      program = parse(javaScript, { ecmaVersion: 2023, sourceType: 'module', onToken: tokens });
    } catch (error) {
      const { message, pos } = error as Error & { pos?: number };
      const shown = pos === undefined ? 'The source nests too deeply' : message.replace(/ \(\d+:\d+\)$/, '');
      problems.push({ start: pos ?? 0, code: 'syntax', message: shown });
    }
  }
  const syntax: Syntax = { javaScript, tokens, program, problems };
  parsed.set(file, { text, syntax });
  return syntax;
}

export function parseModule(options: ModuleOptions): ParsedModule {
  const { file, text } = options;
  const diagnostics = new FileDiagnostics(file, text);
  const { javaScript, tokens, program, problems } = syntaxOf(file, text);
  for (const { start, code, message, hint } of problems) diagnostics.report(start, code, message, hint);
  return {
    file,
    program,
    diagnostics,
    finish: (journal) => finish(options, javaScript, program!, tokens, diagnostics, journal),
  };
}

function finish(
  options: ModuleOptions,
  text: string,
  program: Program,
  tokens: readonly Token[],
  diagnostics: FileDiagnostics,
  journal: boolean,
): ModuleSource {
  const code = new MagicString(text);
  const scopes = analyseScopes(program);
  if (options.privileged !== undefined) {
    checkSyntax(program, diagnostics);
    checkNames(scopes, diagnostics, options.privileged);
  }
  const imports: ModuleImport[] = [];
  const exports = new Map<string, string>();
  let mutable = false;
  const blank = (start: number, end: number): void => {
    code.update(start, end, text.slice(start, end).replace(/[^\n]/g, ' '));
  };
  let prologue = '';
  if (options.metered && diagnostics.found.length === 0) {
    const place = (start: number): number => {
      const { line, column } = diagnostics.position(start);
      return options.place(line, column);
    };
    prologue = instrument({
      code,
      program,
      tokens,
      sharing: options.privileged === undefined ? new Set() : scopes.sharing,
      place,
      journal,
    });
  }
  for (const node of program.body) {
    switch (node.type) {
      case 'ImportDeclaration': {
        const names = node.specifiers.map((specifier) => ({
          local: specifier.local.name,
          start: specifier.start,
          imported:
            specifier.type === 'ImportSpecifier'
              ? exportedName(specifier.imported)
              : specifier.type === 'ImportDefaultSpecifier'
                ? 'default'
                : '*',
        }));
        imports.push({ specifier: String(node.source.value), start: node.source.start, names, reexportsAll: false });
        blank(node.start, node.end);
        break;
      }
      case 'ExportAllDeclaration': {
        const local = node.exported ? `$$ns${imports.length}` : '';
        const names = node.exported ? [{ local, imported: '*', start: node.start }] : [];
        imports.push({
          specifier: String(node.source.value),
          start: node.source.start,
          names,
          reexportsAll: !node.exported,
        });
        if (node.exported) exports.set(exportedName(node.exported), local);
        blank(node.start, node.end);
        break;
      }
      case 'ExportNamedDeclaration': {
        if (node.declaration) {
          code.update(node.start, node.declaration.start, ' '.repeat(node.declaration.start - node.start));
          for (const name of declaredNames(node.declaration)) exports.set(name, name);
          break;
        }
        const names: ModuleImport['names'] = [];
        for (const { local, exported, start } of node.specifiers) {
          const from = exportedName(local);
          if (!node.source) exports.set(exportedName(exported), from);
          else {
            const alias = `$$from${imports.length}_${names.length}`;
            names.push({ local: alias, imported: from, start });
            exports.set(exportedName(exported), alias);
          }
        }
        if (node.source) {
          imports.push({ specifier: String(node.source.value), start: node.source.start, names, reexportsAll: false });
        }
        blank(node.start, node.end);
        break;
      }
      case 'ExportDefaultDeclaration': {
        const { declaration } = node;
        const named =
          (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') && declaration.id;
        code.update(node.start, declaration.start, named ? ' ' : 'const $$default = ');
        exports.set('default', named ? named.name : '$$default');
        mutable = declaresMutable(declaration);
        break;
      }
      default:
    }
  }
  return {
    imports,
    exports,
    mutable,
    diagnostics,
    text: (bound, returned) =>
      options.metered
        ? `${bound}${prologue}${code.toString()}\n;return ${returned};} catch ($$e) { throw $$u($$e, $$l); }`
        : `${bound}${code.toString()}\n;return ${returned};`,
  };
}

/** Whether the default export is a call with an object that says `mutable: true`. */
export function declaresMutable(declaration: AnyNode): boolean {
  if (declaration.type !== 'CallExpression') return false;
  return declaration.arguments.some(
    (argument) =>
      argument.type === 'ObjectExpression' &&
      argument.properties.some(
        (property) =>
          property.type === 'Property' &&
          property.key.type === 'Identifier' &&
          property.key.name === 'mutable' &&
          property.value.type === 'Literal' &&
          property.value.value === true,
      ),
  );
}

/** What a module exports by default: the expression or declaration, or the name that stands for it. */
export function defaultExport(program: Program): AnyNode | undefined {
  for (const node of program.body) {
    if (node.type === 'ExportDefaultDeclaration') return node.declaration;
    if (node.type !== 'ExportNamedDeclaration') continue;
    const specifier = node.specifiers.find(({ exported }) => exportedName(exported) === 'default');
    if (specifier) return specifier.local;
  }
  return undefined;
}

/** Whether what is exported cannot be what the SDK's `server` returns, whatever happens when the module runs. */
export function isNoServer(exported: AnyNode): boolean {
  return /^(ObjectExpression|ArrayExpression|Literal|TemplateLiteral|Function|Class|ArrowFunction)/.test(exported.type);
}

function exportedName(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === 'Identifier' ? node.name! : String(node.value);
}

function declaredNames(declaration: AnyNode): string[] {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => boundNames(id).map(({ name }) => name));
  }
  return 'id' in declaration && declaration.id ? [(declaration.id as { name: string }).name] : [];
}

export type { SourceDiagnostic };
