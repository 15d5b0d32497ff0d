// Channels join two different cells, are named once, and fit what they are attached to.

import { maxChannels } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import { formatSize } from '../units.ts';
import { pairsOf, type RuleContext } from './context.ts';

/** What is left of the configuration's 64 KiB when channels and children are described. */
const maxConfigBytes = 2 ** 15;
const maxChannelBytes = 2 ** 27;

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

export function checkChannels(context: RuleContext): void {
  const byName = new Map<string, DocumentPath>();
  const countOf = new Map<string, number>();
  const count = (cell: string) => countOf.set(cell, (countOf.get(cell) ?? 0) + 1);

  for (const { channel, path } of context.channels()) {
    if (channel.name !== undefined) {
      const first = byName.get(channel.name);
      if (first === undefined) byName.set(channel.name, [...path, 'name']);
      else {
        const related = [{ path: first, message: 'here first' }];
        context.report({
          code: 'duplicate-channel',
          path: [...path, 'name'],
          message: `two channels are named '${channel.name}'`,
          hint: 'rename one',
          related,
        });
      }
    }
    checkEnds(context, channel, path);
    for (const pair of pairsOf(channel, path)) {
      if (pair.from === pair.to) {
        context.report({
          code: 'channel-to-itself',
          path: pair.toPath,
          message: `the channel joins '${pair.to}' to itself`,
          hint: 'name another cell',
        });
        continue;
      }
      count(pair.from);
      count(pair.to);
      const vm = [pair.from, pair.to].find((end) => context.cell(end)?.kind === 'vm');
      if (channel.type === 'rpc' && vm !== undefined) {
        context.report({
          code: 'rpc-with-vm',
          path: [...path, 'type'],
          message: `'${vm}' is a VM, and a VM has no protected calls`,
          hint: 'use a stream or a queue: the VM sees it as a port of its console or as a device',
          related: [{ path: ['cells', vm], at: 'key', message: 'the VM' }],
        });
      }
    }
    if (channel.type === 'stream' && channel.buffer !== undefined && !isPowerOfTwo(channel.buffer)) {
      context.report({
        code: 'not-a-power-of-two',
        path: [...path, 'buffer'],
        message: `a buffer of ${formatSize(channel.buffer)} is not a power of two`,
        hint: `write ${formatSize(2 ** Math.ceil(Math.log2(channel.buffer)))}`,
      });
    }
    if (channel.type === 'queue' && channel.depth !== undefined) {
      if (!isPowerOfTwo(channel.depth)) {
        context.report({
          code: 'not-a-power-of-two',
          path: [...path, 'depth'],
          message: `a depth of ${channel.depth} is not a power of two`,
          hint: `write ${2 ** Math.ceil(Math.log2(channel.depth))}`,
        });
      }
      if (channel.message !== undefined && channel.depth * channel.message > maxChannelBytes) {
        context.report({
          code: 'out-of-range',
          path: [...path, 'depth'],
          message: `${channel.depth} messages of ${formatSize(channel.message)} are more than ${formatSize(maxChannelBytes)}`,
          hint: 'make the queue shorter or its messages smaller',
        });
      }
    }
  }

  for (const [name, cell] of context.cells()) {
    for (const device of cell.owns ?? []) if (device !== undefined) count(name);
    if (cell.kind === 'native') {
      for (const child of cell.supervises ?? []) if (context.cell(child)?.heartbeat !== undefined) count(name);
    }
    const configBytes = cell.config === undefined ? 0 : JSON.stringify([...cell.config]).length;
    if (configBytes > maxConfigBytes) {
      context.report({
        code: 'config-too-large',
        path: ['cells', name, 'config'],
        at: 'key',
        message: `the configuration has ${configBytes} bytes`,
        hint: `at most ${maxConfigBytes}: put data into a region with a prefill`,
      });
    }
    if (cell.kind === 'vm') checkVmDevices(context, name, cell.devices ?? []);
  }
  for (const [cell, total] of countOf) {
    if (total <= maxChannels || context.cell(cell) === undefined) continue;
    context.report({
      code: 'too-many-channels',
      path: ['cells', cell],
      at: 'key',
      message: `'${cell}' has ${total} channels, interrupts and heartbeats`,
      hint: `a cell has at most ${maxChannels}: split it`,
    });
  }
}

function checkEnds(
  context: RuleContext,
  channel: ReturnType<RuleContext['channels']>[number]['channel'],
  path: DocumentPath,
): void {
  const written = (key: string) => context.places.has([...path, key]);
  const report = (message: string, hint: string) => context.report({ code: 'channel-ends', path, message, hint });
  const directed = written('from') || written('to');
  if (written('ends') && directed) report('the channel has both ends and from or to', 'keep one of them');
  else if (!written('ends') && !directed)
    report('the channel does not say which cells it joins', 'add ends: [a, b], or from and to');
  else if (directed && !(written('from') && written('to')))
    report(`the channel has no ${written('from') ? 'to' : 'from'}`, 'a channel has both from and to');
  else if (written('ends') && (channel.type === 'rpc' || channel.type === 'sample')) {
    report(`a channel of type ${channel.type} has a direction`, 'write from and to instead of ends');
  }
}

const backEnds = { blk: 'queue', net: 'queue', console: 'stream', rng: undefined } as const;

type VmDevices = Extract<ReturnType<RuleContext['cells']>[number][1], { kind: 'vm' }>['devices'];

function checkVmDevices(context: RuleContext, vm: string, devices: NonNullable<VmDevices>): void {
  const used = new Map<string, DocumentPath>();
  for (const [index, device] of devices.entries()) {
    if (device?.virtio === undefined) continue;
    const path = ['cells', vm, 'devices', index, 'channel'];
    const wanted = backEnds[device.virtio];
    if (device.channel === undefined) {
      if (wanted !== undefined && !context.places.has(path)) {
        context.report({
          code: 'missing-key',
          path: path.slice(0, -1),
          message: `virtio ${device.virtio} has no channel`,
          hint: `name a channel of type ${wanted} that ends at '${vm}'`,
        });
      }
      continue;
    }
    const found = context.channels().find(({ channel }) => channel.name === device.channel);
    if (found === undefined) continue;
    const { channel } = found;
    const related = [{ path: [...found.path, 'name'], message: 'the channel' }];
    if (channel.type !== wanted) {
      const hint = wanted === undefined ? 'remove the channel' : `make the channel a ${wanted}`;
      context.report({
        code: 'channel-type',
        path,
        message: `virtio ${device.virtio} takes ${wanted === undefined ? 'no channel' : `a ${wanted}`}, and '${device.channel}' is a ${channel.type}`,
        hint,
        related,
      });
    }
    const ends = pairsOf(channel, found.path).flatMap((pair) => [pair.from, pair.to]);
    if (ends.length > 0 && !ends.includes(vm)) {
      context.report({
        code: 'channel-not-here',
        path,
        message: `channel '${device.channel}' does not end at '${vm}'`,
        hint: `it joins ${[...new Set(ends)].join(' and ')}`,
        related,
      });
    }
    const first = used.get(device.channel);
    if (first === undefined) used.set(device.channel, path);
    else
      context.report({
        code: 'channel-used-twice',
        path,
        message: `channel '${device.channel}' is behind two devices`,
        hint: 'declare one channel per device',
        related: [{ path: first, message: 'here first' }],
      });
  }
}
