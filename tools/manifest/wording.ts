// How diagnostics speak of shapes and of what was written instead.

import { isMap, isSeq, type Scalar } from 'yaml';
import type { Shape } from './field.ts';
import { type Concrete, keyText } from './source.ts';

/** A scalar as it is written. */
export const text = (node: Concrete | undefined): string => (node === undefined ? '' : (keyText(node) ?? ''));

/** Quoted, cut to a length that a person reads. */
export function quote(word: string): string {
  const clean = word.replace(/\p{Cc}/gu, '?');
  return clean.length > 60 ? `'${clean.slice(0, 57)}...'` : `'${clean}'`;
}

export function describe(node: Concrete | undefined): string {
  if (node === undefined) return 'nothing';
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  const { value } = node as Scalar;
  if (value === null) return 'nothing';
  return typeof value === 'string' ? `the text ${quote(value)}` : quote(text(node));
}

export function nounOf(shape: Shape): string {
  switch (shape.kind) {
    case 'string':
      return 'a text';
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'version':
      return 'a whole number';
    case 'address':
    case 'action':
      return `an ${shape.kind}`;
    case 'perms':
      return 'permissions';
    case 'hash':
      return 'a SHA-256 hash';
    case 'image':
      return 'an image or the path of a file';
    case 'choice':
      return 'one of a few words';
    case 'reference':
      return `the name of a ${shape.to}`;
    case 'plain':
      return 'a value';
    case 'map':
      return `a mapping of ${shape.what}s`;
    case 'record':
    case 'variants':
      return `a mapping: a ${shape.what}`;
    default:
      return `a ${shape.kind}`;
  }
}

export function exampleOf(shape: Shape): string {
  switch (shape.kind) {
    case 'string':
      return "write a text; quote it when it looks like a number: '1'";
    case 'boolean':
      return 'write true or false';
    case 'integer':
      return `write a number from ${shape.min} to ${shape.max}`;
    case 'version':
      return `write ${shape.only}`;
    case 'size':
      return 'write a size such as 4K';
    case 'time':
      return 'write a time such as 10ms';
    case 'hash':
      return 'write 64 hexadecimal digits';
    case 'choice':
      return `words: ${shape.of.join(', ')}`;
    case 'list':
      return 'write a list: [ … ]';
    case 'map':
      return `write ${shape.what}s as name: value`;
    case 'record':
      return `fields: ${Object.keys(shape.fields).join(', ')}`;
    case 'variants':
      return `write { ${shape.tag}: ${Object.keys(shape.of).join(' or ')}, … }`;
    default:
      return `write ${nounOf(shape)}`;
  }
}

export const lowerFirst = (sentence: string): string =>
  sentence.slice(0, 1).toLowerCase() + sentence.slice(1).replace(/\.$/, '');
