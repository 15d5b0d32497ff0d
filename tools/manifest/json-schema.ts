// The JSON Schema of the manifest (draft 2020-12), generated from the one table of fields, for editors.

import { type Fields, plainActions, type Shape } from './field.ts';
import { manifestType } from './schema.ts';

type Json = { [key: string]: unknown };

const quantity = (pattern: string, examples: string[]): Json => ({
  anyOf: [
    { type: 'string', pattern },
    { type: 'integer', minimum: 0 },
  ],
  examples,
});

/** The whole schema. */
export function manifestJsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'microvisor manifest',
    ...schemaOf(manifestType.shape),
  };
}

function schemaOf(shape: Shape): Json {
  switch (shape.kind) {
    case 'string':
    case 'path':
    case 'image':
    case 'reference':
      return { type: 'string' };
    case 'name':
      return { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]{0,62}$' };
    case 'version':
      return { const: shape.only };
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: shape.min, maximum: shape.max };
    case 'size':
      return quantity('^(\\d+(\\.\\d+)?[KMG]?|0x[0-9a-fA-F]+)$', ['4K', '16M', '1G']);
    case 'time':
      return quantity('^(0|\\d+(\\.\\d+)?(ns|us|ms|s))$', ['50us', '10ms', '1s']);
    case 'rate':
      return quantity('^\\d+(\\.\\d+)?(Hz|kHz|MHz|GHz)$', ['1000Hz', '10MHz']);
    case 'limit':
      return { type: 'string', pattern: '^\\d+\\s*/\\s*\\d+(\\.\\d+)?(ns|us|ms|s)$', examples: ['5/10s'] };
    case 'address':
      return quantity('^(0x[0-9a-fA-F]+|\\d+)$', ['0x50000000']);
    case 'hash':
      return { type: 'string', pattern: '^[0-9a-fA-F]{64}$' };
    case 'perms':
      return { type: 'string', pattern: '^[rwx]{1,3}$', examples: ['r', 'rw', 'rx'] };
    case 'action':
      return { type: 'string', pattern: `^(${plainActions.join('|')}|mode\\s+\\S+)$` };
    case 'choice':
      return { enum: [...shape.of] };
    case 'plain':
      return {};
    case 'list': {
      const items: Json = { type: 'array', items: schemaOf(shape.of), minItems: shape.min };
      if (shape.max !== Number.POSITIVE_INFINITY) items['maxItems'] = shape.max;
      return shape.orOne ? { anyOf: [schemaOf(shape.of), items] } : items;
    }
    case 'map': {
      const keys = { name: '^[A-Za-z][A-Za-z0-9_-]{0,62}$', hart: '^[0-7]$', text: '' }[shape.keys];
      return keys === ''
        ? { type: 'object', additionalProperties: schemaOf(shape.of) }
        : { type: 'object', patternProperties: { [keys]: schemaOf(shape.of) }, additionalProperties: false };
    }
    case 'record':
      return objectOf(shape.fields);
    case 'variants':
      return {
        type: 'object',
        required: [shape.tag],
        oneOf: Object.entries(shape.of).map(([tag, variant]) => ({
          description: variant.doc,
          ...objectOf({ ...shape.common, ...variant.fields }, { [shape.tag]: { const: tag } }),
        })),
      };
    default:
      return shape satisfies never;
  }
}

function objectOf(fields: Fields, more: Json = {}): Json {
  const properties: Json = { ...more };
  for (const [name, field] of Object.entries(fields)) {
    properties[name] = {
      ...schemaOf(field.type.shape),
      description: field.doc,
      ...(field.default === undefined ? {} : { default: defaultOf(field.default) }),
    };
  }
  const required = [...Object.keys(more), ...Object.keys(fields).filter((name) => fields[name]!.required)];
  return { type: 'object', properties, required, additionalProperties: false };
}

/** Defaults are written as YAML flow text; what JSON reads the same is given as JSON. */
function defaultOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.replace(/^'(.*)'$/, '$1');
  }
}
