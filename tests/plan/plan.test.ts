// The plan of the example manifest, and of small ones: what is made, who holds it, where it lies.

import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { ringCapacity } from '../../guests/sdk/ring-layout.ts';
import { sampleCapacity } from '../../guests/sdk/sample-port.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import type { Manifest } from '../../tools/manifest/model.ts';
import { accessMatrix } from '../../tools/plan/access.ts';
import { hartAccounts, memoryAccount } from '../../tools/plan/account.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import { callBadge, faultBadge, guestLayout, nativeLayout, signalBadge, slots } from '../../tools/plan/conventions.ts';
import type { Capability, Plan } from '../../tools/plan/plan.ts';
import { sharings } from '../../tools/plan/sharing.ts';
import { MemoryFiles } from '../manifest/memory-files.ts';

// The SDK expects its realm; only its arithmetic is used here.
vi.hoisted(() => Object.assign(globalThis, { $machine: undefined }));

function manifestOf(text: string): Manifest {
  const loaded = checkManifest(text, 'test.yaml', { files: new MemoryFiles() });
  if (!loaded.ok) throw new Error(loaded.diagnostics.map((each) => each.message).join('; '));
  return loaded.manifest;
}

const planOf = (text: string): Plan => buildPlan(manifestOf(text));
const demoText = readFileSync(new URL('../manifest/good/flight-demo.yaml', import.meta.url), 'utf8');
const demo = planOf(demoText);

const capability = (plan: Plan, cell: string, slot: number): Capability | undefined =>
  plan.cspaces.find((each) => each.cell === cell)?.capabilities.find((each) => each.slot === slot);
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const head = 'schema: 1\nsystem: { name: demo }\n';
const cell = (name: string, priority: number, more = ''): string =>
  `  ${name}: { kind: native, program: servers/echo, priority: ${priority}${more} }\n`;

describe('a plan', () => {
  test('is plain data and the same for the same manifest', () => {
    expect(JSON.parse(JSON.stringify(demo))).toEqual(JSON.parse(JSON.stringify(planOf(demoText))));
    expect(structuredClone(demo)).toEqual(demo);
  });

  test('names every object once, and everything that it refers to is an object', () => {
    const ids = new Set(demo.objects.map((object) => object.id));
    expect(ids.size).toBe(demo.objects.length);
    const named = [
      ...demo.cspaces.flatMap((cspace) => [cspace.cnode, ...cspace.capabilities.map((each) => each.object)]),
      ...demo.addressSpaces.flatMap((space) => [space.root, ...space.mappings.map((mapping) => mapping.object)]),
      ...demo.threads.flatMap((thread) => [
        thread.tcb,
        thread.cspace,
        thread.vspace,
        thread.schedContext,
        thread.boundNotification,
        thread.vcpu,
        thread.guestRoot,
        thread.faultHandler?.endpoint,
      ]),
      ...demo.schedContexts.flatMap((context) => [context.object, context.notification]),
    ].filter((id) => id !== undefined);
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
  });

  test('maps nothing over anything else, on the boundaries of its frames', () => {
    for (const space of demo.addressSpaces) {
      let end = 0;
      for (const { at, bytes, object } of space.mappings) {
        expect(at).toBeGreaterThanOrEqual(end);
        expect(at % 2 ** (demo.objects.find((each) => each.id === object)!.sizeBits || 12)).toBe(0);
        end = at + bytes;
      }
    }
  });

  test('never maps memory both writable and executable, except the RAM of a guest', () => {
    const both = demo.addressSpaces.flatMap((space) =>
      space.mappings.filter(({ perms }) => perms.write && perms.execute),
    );
    expect(both.every((mapping) => mapping.at === guestLayout.ram)).toBe(true);
  });

  test('counts its page tables as the MMU needs them', () => {
    const plan = planOf(`${head}cells:\n${cell('a', 10, ', memory: 4K, stack: 4K')}`);
    // Program, configuration and IPC buffer share a leaf table; with the heap's it hangs below one of the middle level. The
    // stack has two of its own.
    expect(plan.objects.find((object) => object.type === 'PageTable')).toMatchObject({ count: 2 + 3 });
  });
});

describe('a native cell', () => {
  test('finds its endpoint and its reply object in fixed slots', () => {
    expect(capability(demo, 'console', slots.input)).toMatchObject({
      object: 'console.endpoint',
      rights: { read: true, write: false },
    });
    expect(capability(demo, 'console', slots.reply)?.object).toBe('console.reply');
    expect(demo.threads.find((thread) => thread.tcb === 'console.tcb')).toMatchObject({
      priority: 100,
      boundNotification: 'console.notification',
      program: { kind: 'realm' },
    });
  });

  test('written in machine code gets its segments and a stack with nothing below', () => {
    const plan = planOf(`${head}cells:\n${cell('a', 10)}`);
    const mappings = plan.addressSpaces[0]!.mappings;
    expect(mappings.find((each) => each.object === 'a.segment0')).toMatchObject({
      at: 0x10000,
      perms: { read: true, write: false, execute: true },
    });
    const stack = mappings.find((each) => each.object === 'a.stack')!;
    expect(stack.at + stack.bytes).toBe(nativeLayout.stackTop);
    expect(mappings.some((each) => each.at < stack.at && each.at + each.bytes > stack.at - 4096)).toBe(false);
  });

  test('with a budget has a scheduling context of that budget, and without one a round robin slice', () => {
    expect(demo.schedContexts.find((each) => each.object === 'block.sc')).toMatchObject({
      hart: 1,
      budgetNs: 200_000,
      periodNs: 1_000_000,
      guaranteed: true,
    });
    expect(demo.schedContexts.find((each) => each.object === 'console.sc')).toMatchObject({
      budgetNs: 5_000_000,
      periodNs: 5_000_000,
      guaranteed: false,
    });
  });

  test('is told its channels, children and settings on its configuration page', () => {
    const content = demo.contents.find((each) => each.object === 'block.config');
    expect(content).toMatchObject({
      kind: 'config',
      config: {
        cell: 'block',
        channels: expect.arrayContaining([
          expect.objectContaining({ name: 'disk', number: 0, type: 'queue', end: 1, peer: 'linux', message: 2048 }),
        ]),
      },
    });
    const mapping = demo.addressSpaces
      .find((space) => space.cell === 'block')!
      .mappings.find((each) => each.object === 'block.config');
    expect(mapping).toMatchObject({ at: nativeLayout.config, perms: { read: true, write: false, execute: false } });
  });

  test('that is passive loses its scheduling context after its initialisation', () => {
    const plan = planOf(`${head}cells:\n${cell('a', 10, ', passive: true')}`);
    expect(plan.threads[0]).toMatchObject({ passive: true, schedContext: 'a.sc' });
    expect(hartAccounts(plan)[0]).toMatchObject({ budgets: [], unbudgeted: [] });
  });
});

describe('a VM cell', () => {
  const monitor = demo.threads.find((thread) => thread.tcb === 'linux.monitor.tcb')!;
  const vcpus = demo.threads.filter((thread) => thread.cell === 'linux' && thread.program.kind === 'vcpu');

  test('has a passive monitor one priority above its vCPUs', () => {
    expect(monitor).toMatchObject({ passive: true, priority: 61 });
    expect(vcpus.map((thread) => [thread.hart, thread.priority])).toEqual([
      [3, 60],
      [1, 60],
    ]);
  });

  test("sends its vCPUs' faults to the monitor, each with a badge of its own", () => {
    expect(vcpus.map((thread) => thread.faultHandler)).toEqual(
      [0, 1].map((index) => ({ endpoint: 'linux.monitor.endpoint', badge: hex(faultBadge(index)) })),
    );
    expect(capability(demo, 'linux', slots.childVcpu + 1)?.object).toBe('linux.vcpu1.vcpu');
    expect(capability(demo, 'linux', slots.childThread + 1)?.object).toBe('linux.vcpu1.tcb');
  });

  test('has its RAM in the guest and in the monitor, as megapages', () => {
    const spaces = demo.addressSpaces.filter((space) => space.cell === 'linux');
    expect(spaces.map((space) => space.mappings.find((each) => each.object === 'linux.ram')?.at).sort()).toEqual(
      [guestLayout.ram, nativeLayout.guest + guestLayout.ram].sort(),
    );
    expect(demo.objects.find((object) => object.id === 'linux.ram')).toMatchObject({ sizeBits: 21, count: 128 });
  });

  test('takes completions of its back ends on a small context bound to its notification', () => {
    expect(demo.schedContexts.find((each) => each.notification === 'linux.monitor.notification')).toMatchObject({
      guaranteed: true,
    });
  });

  test('shows channels that no device names as ports of its console', () => {
    const plan = planOf(
      `${head}cells:\n${cell('a', 10)}  linux: { kind: vm, kernel: img/Image, memory: 32M, priority: 5, devices: [ { virtio: console, channel: tty }, { virtio: rng } ] }\nchannels:\n  - { name: tty, type: stream, ends: [linux, a] }\n  - { name: kv, type: stream, ends: [linux, a] }\n`,
    );
    const server = plan.servers.find((each) => each.cell === 'linux')!;
    expect(server.guest).toMatchObject({
      devices: [
        { virtio: 'console', number: 0 },
        { virtio: 'rng', number: undefined },
      ],
      ports: [1],
    });
  });
});

describe('a channel', () => {
  test('of type rpc gives the caller a badged endpoint that it can call and nothing else', () => {
    const caller = demo.servers
      .find((server) => server.cell === 'unix')!
      .channels.find((end) => end.channel === 'cmd')!;
    const callee = demo.servers
      .find((server) => server.cell === 'pilot')!
      .channels.find((end) => end.channel === 'cmd')!;
    expect(capability(demo, 'unix', slots.endpoint + caller.number)).toMatchObject({
      object: 'pilot.monitor.endpoint',
      badge: hex(callBadge(callee.number)),
      rights: { read: false, write: true, grant: false, grantReply: true },
    });
    expect(caller).toMatchObject({ sends: true, receives: false, deadlineNs: 2_000_000 });
    expect(callee).toMatchObject({ sends: false, receives: true });
  });

  test('of type notify signals in one direction, or in both between its ends', () => {
    const plan = planOf(
      `${head}cells:\n${cell('a', 10)}${cell('b', 20)}channels:\n  - { name: one, type: notify, from: a, to: b }\n  - { name: both, type: notify, ends: [a, b] }\n`,
    );
    expect(capability(plan, 'a', slots.notification)).toMatchObject({
      object: 'b.notification',
      badge: hex(signalBadge(0)),
    });
    expect(capability(plan, 'b', slots.notification)).toBeUndefined();
    expect(capability(plan, 'a', slots.notification + 1)).toMatchObject({ badge: hex(signalBadge(1)) });
    expect(capability(plan, 'b', slots.notification + 1)).toMatchObject({ object: 'a.notification' });
  });

  test('of type stream has one memory with a ring for each direction, whole pages at both ends', () => {
    const text = `${head}cells:\n${cell('a', 10)}${cell('b', 20)}channels:\n  - { name: s, type: stream, from: a, to: b, buffer: 8K }\n`;
    const plan = planOf(text);
    const [a, b] = plan.servers.map((server) => server.channels[0]!);
    expect(a).toMatchObject({ end: 0, sends: true, receives: false, address: nativeLayout.channels });
    expect(b).toMatchObject({ end: 1, sends: false, receives: true, size: a!.size });
    expect(ringCapacity(a!.size / 2)).toBe(8192);
    expect(a!.size % 4096).toBe(0);
  });

  test('of type queue holds as many of its longest messages as it says', () => {
    const end = demo.servers
      .find((server) => server.cell === 'block')!
      .channels.find((each) => each.channel === 'disk')!;
    expect(ringCapacity(end.size / 2)).toBeGreaterThanOrEqual(64 * (2048 + 4));
  });

  test('of type sample holds its longest value and cannot be written by its reader', () => {
    const space = demo.addressSpaces.find((each) => each.cell === 'unix')!;
    const mapping = space.mappings.find((each) => each.object === 'attitude:pilot:unix.memory');
    expect(mapping?.perms).toEqual({ read: true, write: false, execute: false });
    expect(sampleCapacity(mapping!.bytes)).toBeGreaterThanOrEqual(64);
  });

  test('with several ends is one channel per pair', () => {
    expect(manifestOf(demoText).channels.map((channel) => channel.id)).toContain('attitude:pilot:supervisor');
  });
});

describe('a supervisor', () => {
  test("gets its children's faults, and capabilities to stop them and to answer their callers", () => {
    const supervisor = demo.servers.find((server) => server.cell === 'supervisor')!;
    const block = supervisor.children.find((child) => child.cell === 'block')!;
    expect(capability(demo, 'supervisor', slots.childThread + block.number)?.object).toBe('block.tcb');
    expect(capability(demo, 'supervisor', slots.childReply + block.number)?.object).toBe('block.reply');
    expect(demo.threads.find((thread) => thread.tcb === 'block.tcb')?.faultHandler).toEqual({
      endpoint: 'supervisor.endpoint',
      badge: hex(faultBadge(block.number)),
    });
    expect(supervisor.heartbeats).toMatchObject([{ cell: 'block', everyNs: 100_000_000, missed: 3 }]);
  });

  test('alone can stop a cell', () => {
    const stops = accessMatrix(demo).filter((access) => access.kind === 'stop');
    expect([...new Set(stops.map((access) => access.subject))]).toEqual(['supervisor']);
    expect(stops.some((access) => access.object === 'console')).toBe(false);
  });
});

describe('the access matrix', () => {
  test('is empty between cells without channel, region or supervision', () => {
    expect(accessMatrix(planOf(`${head}cells:\n${cell('a', 10)}${cell('b', 20)}`))).toEqual([]);
  });

  test('follows a region from who writes it to who reads it', () => {
    const text = `${head}regions: { shared: { size: 4K } }\ncells:\n${cell('a', 10, ', maps: [ { region: shared, at: 0x50000000, perms: rw } ]')}${cell('b', 20, ', maps: [ { region: shared, at: 0x60000000, perms: r } ]')}`;
    expect(accessMatrix(planOf(text))).toEqual([
      {
        subject: 'a',
        object: 'b',
        kind: 'write',
        chain: ['a.vspace 0x50000000 w', 'Frame shared.frames', 'b.vspace 0x60000000 r'],
      },
      {
        subject: 'b',
        object: 'a',
        kind: 'read',
        chain: ['b.vspace 0x60000000 r', 'Frame shared.frames', 'a.vspace 0x50000000 w'],
      },
    ]);
  });

  test('loses an entry when the capability behind it is taken away', () => {
    const plan = structuredClone(demo);
    const before = accessMatrix(plan).filter((access) => access.subject === 'unix' && access.kind === 'call');
    const cspace = plan.cspaces.find((each) => each.cell === 'unix')!;
    cspace.capabilities = cspace.capabilities.filter((each) => each.slot < slots.endpoint);
    expect(before).toHaveLength(1);
    expect(accessMatrix(plan).filter((access) => access.subject === 'unix' && access.kind === 'call')).toEqual([]);
  });
});

describe('time and memory', () => {
  test('windows become domains that fill the frame', () => {
    const normal = demo.domainSchedules.find((schedule) => schedule.mode === 'normal')!;
    expect(normal.entries).toEqual([
      { domain: 1, atNs: 0, lengthNs: 6_000_000 },
      { domain: 2, atNs: 6_000_000, lengthNs: 3_000_000 },
      { domain: 0, atNs: 9_000_000, lengthNs: 1_000_000 },
    ]);
    expect(normal.domains.find((each) => each.tcb === 'linux.vcpu0.tcb')?.domain).toBe(1);
    expect(normal.domains.find((each) => each.tcb === 'linux.monitor.tcb')?.domain).toBe(1);
    expect(normal.domains.find((each) => each.tcb === 'linux.vcpu1.tcb')).toBeUndefined();
    for (const { frameNs, entries } of demo.domainSchedules)
      expect(entries.reduce((sum, entry) => sum + entry.lengthNs, 0)).toBe(frameNs);
  });

  const windows = `schedule: { modes: { normal: {
  0: { frame: 1ms, windows: [{ at: 0, for: 400us, cells: [a] }, { at: 400us, for: 400us, cells: [b] }] },
  1: { frame: 1ms, windows: [{ at: 0, for: 400us, cells: [c] }] } } } }\n`;

  test('domains of different harts have different numbers', () => {
    const plan = planOf(
      `${head}machine: { harts: 2 }\ncells:\n${cell('a', 10)}${cell('b', 10)}${cell('c', 10, ', hart: 1')}${windows}`,
    );
    expect(plan.domainSchedules.flatMap(({ domains }) => domains)).toEqual([
      { tcb: 'a.tcb', domain: 1 },
      { tcb: 'b.tcb', domain: 2 },
      { tcb: 'c.tcb', domain: 3 },
    ]);
  });

  test('a passive server without a window runs in that of its callers', () => {
    const rpc = 'channels:\n  - { name: get, type: rpc, from: b, to: store }\n';
    const store = cell('store', 20, ', passive: true');
    const plan = planOf(
      `${head}machine: { harts: 2 }\ncells:\n${cell('a', 10)}${cell('b', 10)}${cell('c', 10, ', hart: 1')}${store}${rpc}${windows}`,
    );
    const domainOf = (tcb: string) =>
      plan.domainSchedules.flatMap(({ domains }) => domains).find((each) => each.tcb === tcb)?.domain;
    expect(domainOf('store.tcb')).toBe(domainOf('b.tcb'));
  });

  test('tells what cells share: channels, servers, regions, supervisors, windows and harts', () => {
    const shared = sharings(demo).map(({ through, cells }) => `${through}: ${cells.join(' ')}`);
    expect(shared).toContain('server console: pilot unix linux');
    expect(shared).toContain('channel lan: switch linux');
    expect(shared).toContain('hart 1: switch block linux');
    expect(shared).toContain('supervisor supervisor: switch block pilot unix linux');
    const alone = planOf(
      `${head}machine: { harts: 2 }\ncells:\n${cell('a', 10)}${cell('b', 10)}${cell('c', 10, ', hart: 1')}${windows}`,
    );
    expect(sharings(alone)).toEqual([{ cells: ['a', 'b', 'c'], through: 'the boot task, which takes their faults' }]);
  });

  test('an interrupt reaches the notification of its owner', () => {
    expect(demo.interrupts.find((each) => each.device === 'plant')).toMatchObject({
      irq: 12,
      cell: 'pilot',
      notification: 'pilot.monitor.notification',
    });
    expect(demo.interrupts.find((each) => each.device === 'disk0')).toMatchObject({ irq: 13, cell: 'block' });
  });

  test('the RAM account adds up', () => {
    const account = memoryAccount(demo);
    expect(account.byOwner.reduce((sum, each) => sum + each.bytes, account.reservedBytes)).toBe(account.usedBytes);
    expect(account.byOwner.find((each) => each.owner === 'cell linux')!.bytes).toBeGreaterThan(256 * 2 ** 20);
    expect(demo.persistent).toEqual([{ object: 'blackbox.frames', owner: 'pilot' }]);
    expect(demo.contents.filter((each) => each.kind === 'file')).toMatchObject([
      { object: 'calib.frames', offset: 0, file: { name: 'data/calib.bin' } },
    ]);
  });

  test('utilisation is shown per hart', () => {
    expect(hartAccounts(demo).map((account) => Math.round(account.utilisation * 100))).toEqual([0, 20, 5, 5]);
  });
});
