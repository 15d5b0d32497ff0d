// The page docs/manifest.md, generated from the one table of fields and the table of diagnostics.

import { diagnosticCodes } from './diagnostic-codes.ts';
import { type Fields, plainActions, type Shape } from './field.ts';
import { manifestType } from './schema.ts';
import { formatSize } from './units.ts';

const introduction = `# The manifest

Generated from \`tools/manifest/schema.ts\` and \`diagnostic-codes.ts\` by \`npm run docs:generate\`.

A manifest is one YAML 1.2 file that describes a system: cells, the channels between them, memory, devices, time. Unknown
and duplicate keys are refused. \`microvisor check M.yaml\` reports everything that is wrong at once and otherwise prints the
plan that follows; \`docs/manifest.schema.json\` lets editors complete and check while one types.

- Sizes: bytes, or K, M, G (1024 each): \`4096\`, \`4K\`, \`1.5M\`. Times: \`ns us ms s\`; zero needs no unit. Rates: \`Hz kHz MHz GHz\`.
- Limits: a count per time, \`5/10s\`. Addresses: \`0x50000000\`. Permissions: letters of \`rwx\`.
- Priorities are seL4's: 0 to 255, higher is more urgent. Domains follow from the windows and are not named.
- Actions: ${plainActions.map((each) => `\`${each}\``).join(', ')}, \`mode NAME\`.
- Paths are relative to the manifest. A program is looked for beside it, then among the guests that microvisor brings; \`.ts\`,
  \`.js\` and \`.elf\` may be left out.
- \`--set path=value\` overrides a field before anything is checked: \`--set cells.linux.memory=512M\`, list items by index or
  by their name: \`--set channels.disk.depth=128\`.

A channel that ends at a VM is a virtio device if the VM lists it under \`devices\`, and otherwise a port of its console, named
after the channel. Cells of kind \`posix\` and \`rtos\` are checked and planned; \`run\` does not start them in this version.
`;

interface Section {
  title: string;
  doc: string;
  fields: Fields;
}

export function manifestPage(): string {
  const shape = manifestType.shape as Extract<Shape, { kind: 'record' }>;
  const parts = [introduction, '## Top level\n', fieldTable(shape.fields)];
  for (const [name, field] of Object.entries(shape.fields)) {
    const sections = sectionsOf(field.type.shape, name);
    for (const section of sections)
      parts.push(
        `## ${section.title}\n`,
        `${section.doc === '' ? field.doc : section.doc}\n`,
        fieldTable(section.fields),
      );
  }
  parts.push(
    '## Diagnostics\n',
    'Every rule by its code. `tests/manifest/bad` has the smallest manifest that breaks each.\n',
  );
  parts.push(
    `| code | rule |\n|---|---|\n${Object.entries(diagnosticCodes)
      .map(([code, rule]) => `| \`${code}\` | ${rule} |`)
      .join('\n')}\n`,
  );
  return parts.join('\n');
}

/** One section per record below a shape. */
function sectionsOf(shape: Shape, title: string, doc = ''): Section[] {
  switch (shape.kind) {
    case 'record':
      return [{ title, doc, fields: shape.fields }, ...nested(shape.fields, title)];
    case 'map':
      return sectionsOf(shape.of, `${title}.${shape.keys === 'hart' ? 'HART' : 'NAME'}`, doc);
    case 'list':
      return sectionsOf(shape.of, `${title}[]`, doc);
    case 'variants': {
      const own = {
        [shape.tag]: {
          type: { shape: { kind: 'choice' as const, of: Object.keys(shape.of) } },
          doc: shape.tagDoc,
          required: true,
          default: undefined,
        },
      };
      return [
        { title, doc, fields: { ...own, ...shape.common } },
        ...nested(shape.common, title),
        ...Object.entries(shape.of).flatMap(([tag, variant]) => {
          const name = `${title}, ${shape.tag}: ${tag}`;
          return [{ title: name, doc: variant.doc, fields: variant.fields }, ...nested(variant.fields, name)];
        }),
      ];
    }
    default:
      return [];
  }
}

const nested = (fields: Fields, title: string): Section[] =>
  Object.entries(fields).flatMap(([name, field]) =>
    sectionsOf(field.type.shape, `${title.replace(/, .*$/, '')}.${name}`, field.doc),
  );

function fieldTable(fields: Fields): string {
  if (Object.keys(fields).length === 0) return 'No fields of its own.\n';
  const rows = Object.entries(fields).map(([name, field]) => {
    const presence = field.required ? 'required' : field.default === undefined ? '-' : `\`${field.default}\``;
    return `| \`${name}\` | ${typeName(field.type.shape)} | ${presence} | ${field.doc} |`;
  });
  return `| field | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function typeName(shape: Shape): string {
  switch (shape.kind) {
    case 'integer':
      return shape.max === Number.MAX_SAFE_INTEGER ? 'number' : `${shape.min} to ${shape.max}`;
    case 'version':
      return `\`${shape.only}\``;
    case 'size':
      return `size, ${formatSize(shape.min)} to ${formatSize(shape.max)}`;
    case 'choice':
      return shape.of.map((word) => `\`${word}\``).join(', ');
    case 'reference':
      return `name of a ${shape.to}`;
    case 'plain':
      return 'any data';
    case 'hash':
      return 'SHA-256';
    case 'list':
      return `${shape.orOne ? 'one or a list' : 'list'} of ${plural(shape.of)}`;
    case 'map':
      return `mapping of ${shape.what}s`;
    case 'record':
    case 'variants':
      return shape.what;
    default:
      return shape.kind;
  }
}

const plural = (shape: Shape): string => {
  const name = typeName(shape);
  return shape.kind === 'record' || shape.kind === 'variants' || shape.kind === 'string' ? `${name}s` : name;
};
