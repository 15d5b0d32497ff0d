// What a server's source may not say, and why: names that don't exist in a realm and syntax that a realm refuses.

import type { AnyNode, Program } from 'acorn';
import { mathNames } from '../../guests/realm/math-names.ts';
import { parseRegExp, RegExpSyntaxError } from '../../guests/realm/regexp-syntax.ts';
import type { FileDiagnostics } from './diagnostic.ts';
import type { ScopeAnalysis } from './scopes.ts';
import { children } from './syntax-tree.ts';

/** The globals of a realm. `guests/realm/intrinsics.ts` provides exactly these. */
export const realmGlobals = [
  'Array',
  'ArrayBuffer',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Error',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'JSON',
  'Map',
  'Math',
  'Number',
  'Object',
  'RangeError',
  'ReferenceError',
  'RegExp',
  'Set',
  'String',
  'SyntaxError',
  'TypeError',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'isFinite',
  'isNaN',
  'parseFloat',
  'parseInt',
] as const;

const constants = ['undefined', 'NaN', 'Infinity'];

const timeHint = 'a server has no clock; one that needs it owns a device of model rtc';
const asyncHint = 'handlers are synchronous: call() may block, and the kernel runs others meanwhile';
const absentHints: Record<string, string> = {
  Date: timeHint,
  performance: timeHint,
  setTimeout: timeHint,
  setInterval: timeHint,
  setImmediate: timeHint,
  queueMicrotask: asyncHint,
  Promise: asyncHint,
  console: 'write with cell.log()',
  eval: 'all code is checked and metered when it is loaded',
  Function: 'all code is checked and metered when it is loaded',
  arguments: 'take a rest parameter',
  globalThis: 'there is no global object',
  process: 'a server sees its channels and its configuration only',
  require: 'use import',
  Intl: 'its results differ between hosts',
  WeakRef: 'what it shows depends on the garbage collector',
  FinalizationRegistry: 'what it shows depends on the garbage collector',
  WeakMap: 'use a Map inside a handler',
  WeakSet: 'use a Set inside a handler',
  Proxy: 'state must be plain data',
  Reflect: 'use Object.keys, the in operator, and plain calls',
  Symbol: 'state must be plain data',
  SharedArrayBuffer: 'share memory through a channel',
  Atomics: 'share memory through a channel',
  WebAssembly: 'only checked and metered code runs in a realm',
  Float32Array: 'the bits of NaN differ between engines',
  Float64Array: 'the bits of NaN differ between engines',
  TextEncoder: 'use encodeUtf8 of the SDK',
  TextDecoder: 'use decodeUtf8 of the SDK',
  structuredClone: 'state is frozen: share it',
};

/** What to write instead of the functions that a realm's Math lacks. */
const mathHints: Record<string, string> = {
  random: 'keep a generator in the state, seeded by the configuration',
  pow: 'use **, with an integer exponent',
};
const roundingHint = 'engines round it differently: use a table, or a series of + - * / and Math.sqrt';

export function checkNames(scopes: ScopeAnalysis, file: FileDiagnostics, privileged: readonly string[]): void {
  for (const { name, start } of scopes.declared) {
    if (name.startsWith('$$')) file.report(start, 'reserved-name', `Names that begin with $$ are reserved: ${name}`);
  }
  for (const { name, start, assigned, member } of scopes.free) {
    const known =
      constants.includes(name) || (realmGlobals as readonly string[]).includes(name) || privileged.includes(name);
    if (!known) {
      file.report(
        start,
        'unknown-name',
        `${name} does not exist in a realm`,
        Object.hasOwn(absentHints, name) ? absentHints[name] : undefined,
      );
    } else if (assigned) file.report(start, 'assigned-global', `${name} cannot be assigned`);
    else if (name === 'Math' && member !== undefined && !(mathNames as readonly string[]).includes(member)) {
      const hint = mathHints[member] ?? (member in Math ? roundingHint : undefined);
      file.report(start, 'unknown-member', `Math.${member} does not exist in a realm`, hint);
    }
  }
  for (const { name, start } of scopes.moduleVariables) {
    const hint = 'make it const, or a field of the state';
    file.report(start, 'module-variable', `${name} would be state outside of the server's state`, hint);
  }
}

/** Reports the syntax that a realm refuses. */
export function checkSyntax(program: Program, file: FileDiagnostics): void {
  function visit(node: AnyNode): void {
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (node.generator && node.params.at(-1)?.type === 'RestElement') {
          file.report(node.start, 'generator-rest', 'Generators take no rest parameter in a realm', 'take an array');
        }
        if (node.async) file.report(node.start, 'async', 'Functions in a realm cannot be async', asyncHint);
        break;
      case 'AwaitExpression':
        file.report(node.start, 'async', 'There is nothing to await in a realm', asyncHint);
        break;
      case 'ForOfStatement':
        if (node.await) file.report(node.start, 'async', 'There is nothing to await in a realm', asyncHint);
        break;
      case 'YieldExpression':
        if (node.delegate) {
          file.report(node.start, 'yield-star', 'yield* is not metered', 'for (const each of list) yield each');
        }
        break;
      case 'ImportExpression':
        file.report(node.start, 'dynamic-import', 'A realm has no dynamic import', absentHints['eval']);
        break;
      case 'MetaProperty':
        if (node.meta.name === 'import') file.report(node.start, 'import-meta', 'A realm has no import.meta');
        break;
      case 'Literal':
        if ('regex' in node && node.regex) checkRegExp(node.regex.pattern, node.regex.flags, node.start, file);
        break;
      case 'DebuggerStatement':
        file.report(node.start, 'debugger', 'A realm has no debugger statement');
        break;
      case 'PropertyDefinition':
      case 'MethodDefinition':
        if (node.static && node.key.type === 'PrivateIdentifier') {
          file.report(node.start, 'static-private', 'A static private member would be state outside of the state');
        }
        break;
      case 'UpdateExpression':
      case 'AssignmentExpression': {
        const target = node.type === 'UpdateExpression' ? node.argument : node.left;
        if (target.type === 'MemberExpression' && target.object.type === 'Super') {
          file.report(node.start, 'super-assignment', 'Members of super cannot be assigned', 'assign to this');
        }
        break;
      }
      default:
    }
    for (const child of children(node)) visit(child);
  }
  visit(program);
}

function checkRegExp(pattern: string, flags: string, start: number, file: FileDiagnostics): void {
  try {
    if (/[dv]/.test(flags))
      throw new RegExpSyntaxError(`In a realm the flags of regular expressions are gimsuy: ${flags}`);
    if (flags.includes('i') && flags.includes('u')) {
      throw new RegExpSyntaxError('In a realm, the flags i and u exclude each other');
    }
    parseRegExp(pattern, flags.includes('u'));
  } catch (error) {
    if (!(error instanceof RegExpSyntaxError)) throw error;
    file.report(start, 'regexp', error.message);
  }
}
