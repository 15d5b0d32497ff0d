// From a manifest to its plan. Pure: the same manifest gives the same plan, and nothing is read or written.

import type { Budget, Cell, Manifest } from '../manifest/model.ts';
import { hex, PlanBuilder, pageBytes, rights, roundUp } from './builder.ts';
import { cellConfigOf } from './cell-config.ts';
import type { CellParts } from './cell-parts.ts';
import { placeChannels } from './channels.ts';
import {
  completionBudget,
  faultBadge,
  guestLayout,
  nativeLayout,
  platformBus,
  signalBadge,
  slots,
  timesliceNs,
} from './conventions.ts';
import { planDomains } from './domains.ts';
import type { ObjectId, Plan, Program, Server, Thread } from './plan.ts';

const readWrite = { read: true, write: true, execute: false };

export function buildPlan(manifest: Manifest): Plan {
  const { system, machine, schedule } = manifest;
  const builder = new PlanBuilder({
    system: { name: system.name, seed: system.seed, initialMode: schedule?.initial },
    machine: {
      harts: machine.harts,
      ramBytes: machine.ram,
      clockHz: machine.clock,
      timebaseHz: machine.timebase,
      lookaheadNs: machine.lookahead,
      costs: machine.costs,
    },
  });
  const parts = new Map(manifest.cells.map((cell) => [cell.name, planCell(builder, cell)]));
  placeChannels(builder, manifest.channels, parts);
  placeInterrupts(builder, manifest, parts);
  placeRegions(builder, manifest, parts);
  supervise(builder, parts);
  for (const each of parts.values()) {
    attachDevices(each);
    placeConfig(builder, each);
  }
  planDomains(builder.plan, manifest);
  return builder.finish();
}

/** A server with its own CSpace and VSpace, and behind a monitor the guest. */
function planCell(builder: PlanBuilder, cell: Cell): CellParts {
  const { name } = cell;
  const owner = `cell ${name}`;
  const hasGuest = cell.kind === 'vm' || cell.kind === 'rtos';
  const prefix = hasGuest ? `${name}.monitor` : name;
  const cspace = builder.cspace(name, `${prefix}.cnode`, owner);
  const space = builder.addressSpace(name, builder.object(`${prefix}.vspace`, 'VSpace', owner));
  const endpoint = builder.object(`${prefix}.endpoint`, 'Endpoint', owner);
  const notification = builder.object(`${prefix}.notification`, 'Notification', owner);
  const reply = builder.object(`${prefix}.reply`, 'Reply', owner);
  const tcb = builder.object(`${prefix}.tcb`, 'TCB', owner);
  builder.capability(cspace, slots.input, endpoint, rights.read, 'receives calls and faults');
  builder.capability(cspace, slots.reply, reply, rights.all, 'answers');

  const ipcBuffer = builder.frames(`${prefix}.ipcBuffer`, pageBytes, owner, [nativeLayout.ipcBuffer]);
  builder.map(space, nativeLayout.ipcBuffer, ipcBuffer, readWrite, 'IPC buffer');

  const hart = cell.kind === 'vm' ? cell.vcpus[0]!.hart : cell.hart;
  const passive = hasGuest || (cell.kind === 'native' && cell.passive);
  const priority = cell.priority + (hasGuest ? 1 : 0);
  const schedContext = addSchedContext(builder, `${prefix}.sc`, owner, hart, hasGuest ? undefined : cell.budget);
  const thread: Thread = {
    tcb,
    cell: name,
    hart,
    priority,
    mcp: cell.kind === 'native' && cell.supervises.length > 0 ? priority : 0,
    cspace: cspace.cnode,
    vspace: space.root,
    ipcBuffer: { at: nativeLayout.ipcBuffer, frame: ipcBuffer },
    schedContext,
    passive,
    faultHandler: undefined,
    boundNotification: notification,
    vcpu: undefined,
    guestRoot: undefined,
    program: serverProgram(cell),
  };
  builder.plan.threads.push(thread);
  if (hasGuest) {
    const completions = addSchedContext(builder, `${prefix}.completions`, owner, hart, completionBudget);
    builder.plan.schedContexts.find((each) => each.object === completions)!.notification = notification;
  }
  const server: Server = {
    cell: name,
    kind: cell.kind,
    tcb,
    passive,
    channels: [],
    interrupts: [],
    children: [],
    heartbeats: [],
    heartbeat: undefined,
    config: cell.config,
    memoryBytes: cell.memory,
    guest: undefined,
  };
  builder.plan.servers.push(server);
  const parts: CellParts = {
    cell,
    cspace,
    space,
    server,
    thread,
    endpoint,
    notification,
    vcpus: [],
    guest: undefined,
    nextNumber: 0,
  };
  if (cell.kind === 'vm' || cell.kind === 'rtos') planGuest(builder, parts, cell);
  else planMemory(builder, parts, cell);
  return parts;
}

function serverProgram(cell: Cell): Program {
  switch (cell.kind) {
    case 'native':
      return { kind: cell.program.format === 'typescript' ? 'realm' : 'elf', image: cell.program };
    case 'vm':
    case 'rtos':
      return { kind: 'monitor', of: cell.name };
    case 'posix':
      return { kind: 'personality', of: cell.name };
    default:
      return cell satisfies never;
  }
}

function addSchedContext(
  builder: PlanBuilder,
  id: ObjectId,
  owner: string,
  hart: number,
  budget: Budget | undefined,
): ObjectId {
  builder.object(id, 'SchedContext', owner);
  const { cpu, period } = budget ?? { cpu: timesliceNs, period: timesliceNs };
  builder.plan.schedContexts.push({
    object: id,
    hart,
    budgetNs: cpu,
    periodNs: period,
    guaranteed: budget !== undefined,
    notification: undefined,
  });
  return id;
}

/** Private memory of a server: heap, and for machine code its segments and stack. */
function planMemory(builder: PlanBuilder, parts: CellParts, cell: Extract<Cell, { kind: 'native' | 'posix' }>): void {
  const { space } = parts;
  const { name } = cell;
  const owner = `cell ${name}`;
  const heap = builder.frames(`${name}.heap`, cell.memory, owner, [nativeLayout.heap]);
  builder.map(space, nativeLayout.heap, heap, readWrite, 'private memory');
  if (cell.kind !== 'native' || cell.program.format !== 'elf') return;
  for (const [index, segment] of cell.program.segments.entries()) {
    const at = Math.floor(segment.at / pageBytes) * pageBytes;
    const frames = builder.frames(
      `${name}.segment${index}`,
      roundUp(segment.at + segment.bytes - at, pageBytes),
      owner,
      [at],
    );
    builder.map(space, at, frames, segment.perms, 'segment of the program');
    builder.plan.contents.push({ object: frames, offset: segment.at - at, kind: 'segment', file: cell.program, index });
  }
  const stackAt = nativeLayout.stackTop - cell.stack;
  const stack = builder.frames(`${name}.stack`, cell.stack, owner, [stackAt]);
  builder.map(space, stackAt, stack, readWrite, 'stack');
}

/** Guest RAM, second-stage table and vCPUs; the monitor handles their faults and sees their RAM. */
function planGuest(builder: PlanBuilder, parts: CellParts, cell: Extract<Cell, { kind: 'vm' | 'rtos' }>): void {
  const { name } = cell;
  const owner = `cell ${name}`;
  const guest = builder.addressSpace(name, builder.object(`${name}.guestRoot`, 'GuestRoot', owner));
  const ram = builder.frames(`${name}.ram`, cell.memory, owner, [guestLayout.ram]);
  builder.map(guest, guestLayout.ram, ram, { read: true, write: true, execute: true }, 'guest RAM');
  builder.map(parts.space, nativeLayout.guest + guestLayout.ram, ram, readWrite, 'guest RAM');
  parts.guest = guest;
  const vcpus = cell.kind === 'vm' ? cell.vcpus : [{ hart: cell.hart, budget: undefined }];
  for (const [index, { hart, budget }] of vcpus.entries()) {
    const prefix = `${name}.vcpu${index}`;
    const vcpu = builder.object(`${prefix}.vcpu`, 'VCPU', owner);
    const tcb = builder.object(`${prefix}.tcb`, 'TCB', owner);
    const schedContext = addSchedContext(builder, `${prefix}.sc`, owner, hart, budget ?? cell.budget);
    const thread: Thread = {
      tcb,
      cell: name,
      hart,
      priority: cell.priority,
      mcp: 0,
      cspace: parts.cspace.cnode,
      vspace: parts.space.root,
      schedContext,
      passive: false,
      faultHandler: { endpoint: parts.endpoint, badge: hex(faultBadge(index)) },
      boundNotification: undefined,
      vcpu,
      guestRoot: guest.root,
      program: { kind: 'vcpu', index },
    };
    builder.plan.threads.push(thread);
    parts.vcpus.push(thread);
    parts.server.children.push({ number: index, cell: name, tcb });
    builder.capability(parts.cspace, slots.childThread + index, tcb, rights.all, `controls vCPU ${index}`);
    builder.capability(parts.cspace, slots.childContext + index, schedContext, rights.all, `time of vCPU ${index}`);
    builder.capability(parts.cspace, slots.childVcpu + index, vcpu, rights.all, `state of vCPU ${index}`);
  }
  parts.server.guest = {
    ram: { at: nativeLayout.guest + guestLayout.ram, bytes: cell.memory },
    kernel: cell.kind === 'vm' ? cell.kernel : cell.image,
    initrd: cell.kind === 'vm' ? cell.initrd : undefined,
    bootargs: cell.kind === 'vm' ? cell.bootargs : '',
    vcpus: parts.vcpus.map((thread) => thread.tcb),
    devices: [],
    ports: [],
  };
}

/** The virtio devices of a VM, and as ports of its console the channels that none of them takes. */
function attachDevices({ cell, server }: CellParts): void {
  const { guest } = server;
  if (guest === undefined) return;
  const numberOf = (channel: string | undefined) => server.channels.find((end) => end.channel === channel)?.number;
  const declared = cell.kind === 'vm' ? cell.devices : [];
  guest.devices = declared.map((device) => ({ virtio: device.virtio, number: numberOf(device.channel) }));
  const taken = new Set(guest.devices.map((device) => device.number));
  guest.ports = server.channels.map((end) => end.number).filter((number) => !taken.has(number));
}

/** The page that tells a server about itself. */
function placeConfig(builder: PlanBuilder, { cell, server, space }: CellParts): void {
  const config = cellConfigOf(server);
  let length = 4 + new TextEncoder().encode(JSON.stringify(config)).length;
  // A monitor's is completed at boot: about its channels once more, the command line, devices, and where its images lie.
  if (server.guest) length += length + 2 * server.guest.bootargs.length + pageBytes;
  const owner = `cell ${cell.name}`;
  const frames = builder.frames(`${cell.name}.config`, roundUp(length, pageBytes), owner, [nativeLayout.config]);
  builder.map(space, nativeLayout.config, frames, { read: true, write: false, execute: false }, 'configuration');
  builder.plan.contents.push({ object: frames, offset: 0, kind: 'config', config });
}

function placeInterrupts(builder: PlanBuilder, manifest: Manifest, parts: ReadonlyMap<string, CellParts>): void {
  for (const [position, device] of manifest.devices.entries()) {
    const owner = device.owner === undefined ? undefined : parts.get(device.owner);
    if (owner === undefined) continue;
    const number = owner.nextNumber++;
    const index = owner.server.interrupts.length;
    const handler = builder.object(`${device.name}.irq`, 'IRQHandler', `device ${device.name}`);
    const registers = builder.deviceFrame(
      `${device.name}.registers`,
      `device ${device.name}`,
      platformBus + position * pageBytes,
    );
    const registersAt = nativeLayout.devices + index * nativeLayout.deviceStride;
    builder.capability(owner.cspace, slots.irq + number, handler, rights.all, `acknowledges interrupt ${device.irq}`);
    builder.map(owner.space, registersAt, registers, readWrite, `registers of '${device.name}'`);
    builder.plan.interrupts.push({
      irq: device.irq,
      device: device.name,
      cell: owner.cell.name,
      handler,
      notification: owner.notification,
      badge: hex(signalBadge(number)),
    });
    owner.server.interrupts.push({ number, device: device.name, irq: device.irq, registersAt });
  }
}

function placeRegions(builder: PlanBuilder, manifest: Manifest, parts: ReadonlyMap<string, CellParts>): void {
  for (const region of manifest.regions) {
    const maps = [...parts.values()].flatMap((each) =>
      each.cell.maps.filter((mapping) => mapping.region === region.name).map((mapping) => ({ each, mapping })),
    );
    const addresses = maps.map(({ mapping }) => mapping.at);
    const frames = builder.frames(
      `${region.name}.frames`,
      roundUp(region.size, pageBytes),
      `region ${region.name}`,
      addresses,
    );
    for (const { each, mapping } of maps) {
      builder.map(each.guest ?? each.space, mapping.at, frames, mapping.perms, `region '${region.name}'`);
    }
    if (region.prefill !== undefined)
      builder.plan.contents.push({ object: frames, offset: 0, kind: 'file', file: region.prefill });
    if (region.persist && region.owner !== undefined)
      builder.plan.persistent.push({ object: frames, owner: region.owner });
  }
}

/** Supervisors get the faults of their children, and what it takes to stop, restart and answer for them. */
function supervise(builder: PlanBuilder, parts: ReadonlyMap<string, CellParts>): void {
  for (const supervisor of parts.values()) {
    if (supervisor.cell.kind !== 'native') continue;
    for (const name of supervisor.cell.supervises) {
      const child = parts.get(name)!;
      for (const thread of [child.thread, ...child.vcpus]) {
        const number = supervisor.server.children.length;
        const isServer = thread === child.thread;
        const { restart } = child.cell;
        supervisor.server.children.push({
          number,
          cell: name,
          tcb: thread.tcb,
          ...(restart?.when.includes('fault') && { restart: restart.policy === 'resume' ? 'resume' : 'restart' }),
        });
        builder.capability(
          supervisor.cspace,
          slots.childThread + number,
          thread.tcb,
          rights.all,
          `stops and restarts '${name}'`,
        );
        if (thread.schedContext !== undefined) {
          builder.capability(
            supervisor.cspace,
            slots.childContext + number,
            thread.schedContext,
            rights.all,
            `time of '${name}'`,
          );
        }
        if (!isServer) continue;
        const reply = child.cspace.capabilities.find((each) => each.slot === slots.reply)!.object;
        builder.capability(
          supervisor.cspace,
          slots.childReply + number,
          reply,
          rights.all,
          `answers the callers of '${name}' when it dies`,
        );
        thread.faultHandler = { endpoint: supervisor.endpoint, badge: hex(faultBadge(number)) };
      }
      const { heartbeat } = child.cell;
      if (heartbeat === undefined) continue;
      const number = supervisor.nextNumber++;
      const own = child.nextNumber++;
      supervisor.server.heartbeats.push({ number, cell: name, everyNs: heartbeat.every, missed: heartbeat.missed });
      child.server.heartbeat = own;
      builder.capability(
        child.cspace,
        slots.notification + own,
        supervisor.notification,
        rights.write,
        `signs of life to '${supervisor.cell.name}'`,
        signalBadge(number),
      );
    }
  }
}
