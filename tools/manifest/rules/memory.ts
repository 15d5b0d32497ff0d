// Mappings lie where a cell has addresses, apart from each other; memory is writable or executable; everything fits into RAM.

import { bootReserve, guestLayout, nativeLayout } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import { type CellDraft, maxRam } from '../schema.ts';
import { formatAddress, formatSize } from '../units.ts';
import { pairsOf, type RuleContext } from './context.ts';

const page = 4096;

interface Range {
  from: number;
  to: number;
  what: string;
  path: DocumentPath;
}

export function checkMemory(context: RuleContext): void {
  for (const [name, region] of context.draft.regions ?? []) {
    aligned(context, region?.size, page, ['regions', name, 'size']);
  }
  const writers = new Map<string, DocumentPath>();
  const executors = new Map<string, DocumentPath>();
  for (const [name, cell] of context.cells()) {
    aligned(context, cell.memory, cell.kind === 'vm' ? 2 ** 21 : page, ['cells', name, 'memory']);
    if (cell.kind === 'native') aligned(context, cell.stack, page, ['cells', name, 'stack']);
    checkMaps(context, name, cell);
    for (const [index, mapping] of (cell.maps ?? []).entries()) {
      if (mapping?.region === undefined || mapping.perms === undefined) continue;
      const path = ['cells', name, 'maps', index, 'perms'];
      const region = context.draft.regions?.get(mapping.region);
      if (mapping.perms.write && mapping.perms.execute) {
        context.report({
          code: 'write-and-execute',
          path,
          message: 'the mapping is writable and executable',
          hint: 'drop w or x',
        });
        continue;
      }
      if (mapping.perms.write && region?.writable === false) {
        context.report({
          code: 'read-only-region',
          path,
          message: `region '${mapping.region}' is not writable`,
          hint: 'drop w',
          related: [{ path: ['regions', mapping.region, 'writable'], message: 'declared here' }],
        });
      }
      const other = mapping.perms.write
        ? executors.get(mapping.region)
        : mapping.perms.execute
          ? writers.get(mapping.region)
          : undefined;
      if (other !== undefined) {
        context.report({
          code: 'write-and-execute',
          path,
          message: `region '${mapping.region}' is writable in one mapping and executable in another`,
          hint: 'drop w or x in one of them',
          related: [{ path: other, message: 'the other mapping' }],
        });
      }
      if (mapping.perms.write) writers.set(mapping.region, path);
      if (mapping.perms.execute) executors.set(mapping.region, path);
    }
  }
  checkSum(context);
}

function aligned(context: RuleContext, value: number | undefined, to: number, path: DocumentPath): void {
  if (value === undefined || value % to === 0) return;
  context.report({
    code: 'misaligned',
    path,
    message: `${formatSize(value)} is not a multiple of ${formatSize(to)}`,
    hint: `write ${formatSize(Math.ceil(value / to) * to)}`,
  });
}

function checkMaps(context: RuleContext, name: string, cell: CellDraft): void {
  const ranges: Range[] = [];
  const isGuest = cell.kind === 'vm' || cell.kind === 'rtos';
  if (isGuest && cell.memory !== undefined) {
    ranges.push({
      from: guestLayout.ram,
      to: guestLayout.ram + cell.memory,
      what: 'the memory of the cell',
      path: ['cells', name, 'memory'],
    });
  }
  const [low, high] = isGuest ? [guestLayout.mapped, guestLayout.end] : [nativeLayout.mapped, nativeLayout.mappedEnd];
  for (const [index, mapping] of (cell.maps ?? []).entries()) {
    if (mapping?.at === undefined) continue;
    const path = ['cells', name, 'maps', index, 'at'];
    if (mapping.at % page !== 0) {
      context.report({
        code: 'misaligned',
        path,
        message: `${formatAddress(mapping.at)} is not a multiple of 4K`,
        hint: `write ${formatAddress(Math.floor(mapping.at / page) * page)}`,
      });
    }
    const size = mapping.region === undefined ? undefined : context.draft.regions?.get(mapping.region)?.size;
    if (size === undefined) continue;
    const to = mapping.at + size;
    if (mapping.at < low || to > high) {
      context.report({
        code: 'map-outside',
        path,
        message: `${formatAddress(mapping.at)} to ${formatAddress(to)} is not where a ${cell.kind} cell maps regions`,
        hint: `regions go from ${formatAddress(low)} to ${formatAddress(high)}`,
      });
      continue;
    }
    const hit = ranges.find((range) => mapping.at! < range.to && range.from < to);
    if (hit !== undefined) {
      context.report({
        code: 'map-overlap',
        path,
        message: `${formatAddress(mapping.at)} to ${formatAddress(to)} overlaps ${hit.what}`,
        hint: `the first address after it is ${formatAddress(Math.ceil(hit.to / page) * page)}`,
        related: [{ path: hit.path, message: hit.what }],
      });
    }
    ranges.push({ from: mapping.at, to, what: `region '${mapping.region}'`, path });
  }
}

function checkSum(context: RuleContext): void {
  const ram = context.draft.machine?.ram;
  if (ram === undefined) return;
  const uses: { what: string; bytes: number; path: DocumentPath }[] = [];
  for (const [name, cell] of context.cells()) {
    if (cell.memory !== undefined)
      uses.push({
        what: `cell '${name}'`,
        bytes: cell.memory + (cell.kind === 'native' ? (cell.stack ?? 0) : 0),
        path: ['cells', name, 'memory'],
      });
  }
  for (const [name, region] of context.draft.regions ?? []) {
    if (region?.size !== undefined)
      uses.push({ what: `region '${name}'`, bytes: region.size, path: ['regions', name, 'size'] });
  }
  for (const { channel, path } of context.channels()) {
    const pairs = pairsOf(channel, path).length;
    const bytes = channelBytes(channel);
    if (bytes > 0 && pairs > 0)
      uses.push({ what: `channel '${channel.name ?? '?'}'`, bytes: bytes * pairs, path: [...path, 'name'] });
  }
  const sum = uses.reduce((total, use) => total + use.bytes, bootReserve);
  if (sum <= ram) return;
  const largest = [...uses].sort((a, b) => b.bytes - a.bytes).slice(0, 4);
  context.report({
    code: 'ram-exceeded',
    path: ['machine', 'ram'],
    message: `${formatMega(sum)} are needed and the machine has ${formatMega(ram)}`,
    hint: ramHint(sum),
    related: largest.map((use) => ({ path: use.path, message: `${use.what}: ${formatMega(use.bytes)}` })),
  });
}

/** What to do when `needed` bytes are more than the machine has. */
export function ramHint(needed: number): string {
  const enough = Math.ceil(needed / 2 ** 24) * 2 ** 24;
  return enough <= maxRam
    ? `write ram: ${formatSize(enough)} or give the cells less`
    : `the system needs more than the ${formatSize(maxRam)} that a machine can have: give the cells less`;
}

const formatMega = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)}K` : `${Math.round((bytes / 2 ** 20) * 10) / 10}M`;

/** Bytes of the shared memory of one pair, both directions, without rounding to pages. */
export function channelBytes(channel: {
  type: string;
  buffer?: number | undefined;
  depth?: number | undefined;
  message?: number | undefined;
}): number {
  const directions = 2;
  switch (channel.type) {
    case 'stream':
      return directions * (channel.buffer ?? 0);
    case 'queue':
      return directions * (channel.depth ?? 0) * (channel.message ?? 0);
    case 'sample':
      return 2 * (channel.message ?? 0);
    default:
      return 0;
  }
}
