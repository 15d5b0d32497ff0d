// A whole system: the machine, the kernel on it, the realms of its servers, and the boot task that makes the rest.

import { createHash } from 'node:crypto';
import { systemReset } from '../../guests/vmm/reset-report.ts';
import { Machine, type MachineConfig, type SavedMachine, type StopReason } from '../../hw/machine/machine.ts';
import { faultType, unknownSyscall } from '../../microvisor/abi/faults.ts';
import {
  boot,
  defaultConfig,
  defaultCosts,
  Kernel,
  type KernelConfig,
  loadKernel,
  Microvisor,
  type Realm,
  type SavedKernel,
  saveKernel,
} from '../../microvisor/index.ts';
import type { SavedOverlay } from '../../vdev/disk.ts';
import { NodeRealm, type RealmFault } from '../host/realm.ts';
import type { Manifest } from '../manifest/model.ts';
import type { ObjectId, Plan, Thread } from '../plan/plan.ts';
import { Refusal } from '../refusal.ts';
import { Activity, type SavedActivity } from './activity.ts';
import {
  type BootFacts,
  bootFaultBadge,
  domainScheduleLength,
  type Script,
  type ThreadStart,
  writeScript,
} from './boot-script.ts';
import { BootTask, type BootTaskOwner } from './boot-task.ts';
import type { Programs } from './built-programs.ts';
import { type LoadedImages, loadImages } from './contents.ts';
import { attachDevices, type DeviceOutput } from './devices.ts';
import type { Message } from './invocation.ts';
import { Platform } from './kernel-port.ts';
import { refuseUnsupported } from './supported.ts';

/** What happens in a system, for whoever watches: log lines, reports, expectations. */
export interface SystemEvents {
  /** Output of a device, or of the kernel's debug console (device undefined). */
  output: DeviceOutput;
  debug(cell: string | undefined, bytes: Uint8Array): void;
  log(line: string): void;
  /** A server's realm has failed. */
  realmFault(fault: RealmFault): void;
  /** A realm has begun anew. */
  realmRestarted(cell: string): void;
  /** A fault has reached the boot task: the cell has no supervisor, and its thread stays stopped. */
  unhandledFault(cell: string, thread: string, what: string): void;
  /** A virtual machine has shut itself down, or asks to be reset; it runs no more. */
  machineEnded(cell: string, how: string, failure: boolean): void;
  /** The boot task is done. */
  booted(): void;
  /** About to run code of this cell, or of none: told to whoever survives a crash. */
  executing?(cell: string | undefined): void;
}

const nothing = (): void => {};
/** For whoever watches little: what it does watch goes on top. */
export const silentEvents: SystemEvents = {
  output: nothing,
  debug: nothing,
  log: nothing,
  realmFault: nothing,
  realmRestarted: nothing,
  unhandledFault: nothing,
  machineEnded: nothing,
  booted: nothing,
};

/** By the type of SBI's system reset. */
const resetNames = ['shut down', 'cold reboot', 'warm reboot'];
const bootRealm = 0;
/** One exit may move as much as the guest's largest virtio requests hold. */
const monitorLimits = { handlerUnits: 32_000_000, handlerBytes: 64 << 20 };
/** The boot task holds every capability of the system: for each frame a slot. */
const rootCNodeSizeBits = 16;

export interface SavedSystem {
  machine: SavedMachine;
  kernel: SavedKernel;
  platform: unknown;
  /** What was written to disks, by the device's name. */
  disks: Record<string, SavedOverlay>;
  /** What the boot task was told; undefined before it has run. */
  facts: BootFacts | undefined;
  /** undefined before the boot task is done. */
  activity: SavedActivity | undefined;
}

export class System implements BootTaskOwner {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly microvisor: Microvisor;
  readonly activity: Activity;
  private readonly platform: Platform;
  /** undefined: they are in frames, and not needed any more. */
  private images: LoadedImages | undefined;
  private readonly overlays: ReturnType<typeof attachDevices>;
  /** What the boot task has been told, and what follows. */
  private facts: BootFacts | undefined;
  private script: Script | undefined;
  isBooted = false;
  halted: string | undefined;

  /** Throws a Refusal when an image cannot be used. `programs`: of `plan` (`loadPrograms`). */
  constructor(
    readonly manifest: Manifest,
    readonly plan: Plan,
    private readonly programs: Programs,
    private readonly events: SystemEvents,
    translator?: MachineConfig['translator'],
  ) {
    const { harts, ramBytes, clockHz, timebaseHz, lookaheadNs, costs } = plan.machine;
    refuseUnsupported(manifest);
    this.images = loadImages(plan);
    this.machine = new Machine({
      harts,
      ramSize: ramBytes,
      clockHz,
      timebaseHz,
      lookaheadNs,
      supervisorMode: 'HS',
      translator,
    });
    this.platform = new Platform(this.machine, {
      putChar: (byte) => events.debug(this.activity.cellOn(this.kernel.node.id), Uint8Array.of(byte)),
      log: (line) => events.log(line),
      halt: (reason) => {
        this.halted = reason;
        this.machine.stop();
      },
    });
    const { memory, harts: allHarts } = this.machine;
    const config = { ...defaultConfig, clockHz, timebaseHz, rootCNodeSizeBits, ...windowsOf(plan) };
    const doors = {
      memory,
      harts: allHarts,
      port: this.platform.port,
      realms: { create: (number: number) => this.createRealm(number) },
    };
    this.kernel = new Kernel(doors, config, { ...defaultCosts, ...costs });
    this.microvisor = new Microvisor(this.kernel);
    this.activity = new Activity(this.machine, this.kernel, this.microvisor);
    this.machine.install(this.microvisor);
    this.overlays = attachDevices(this.platform, manifest, events.output);
  }

  /** Hands the machine to the boot task. */
  start(): void {
    boot(this.kernel, { initialThread: { kind: 'realm', number: bootRealm } });
    this.microvisor.start();
  }

  /** Runs until the clock reaches `limit` (cycles), or the machine stops; see `Machine.run`. */
  run(limit: number): StopReason {
    return this.machine.run(limit);
  }

  /** Slot of the boot task's capability to an object of the plan, the first of several; undefined before the script is written. */
  slotOf(object: ObjectId): number | undefined {
    return this.script?.slots.get(object);
  }

  // ---- realms: number 0 is the boot task's, n + 1 that of thread n of the plan

  private createRealm(number: number): Realm | undefined {
    if (number === bootRealm) return new BootTask(this);
    const thread = this.plan.threads[number - 1];
    const program = thread && this.programs.get(thread);
    if (!thread || !program) return undefined;
    const server = this.plan.servers.find((each) => each.tcb === thread.tcb)!;
    const { executing } = this.events;
    return new NodeRealm({
      cell: thread.cell,
      program,
      stateBytes: server.memoryBytes,
      ...(server.guest && monitorLimits),
      faulted: (fault) => this.events.realmFault(fault),
      restarted: () => this.events.realmRestarted(thread.cell),
      ...(executing && { executing: (cell) => executing(cell) }),
    });
  }

  private startOf(images: LoadedImages, thread: Thread): ThreadStart {
    return images.starts.get(thread) ?? { kind: 'realm', number: this.plan.threads.indexOf(thread) + 1 };
  }

  // ---- the boot task's owner

  writeScript(facts: BootFacts): Script {
    // Writing the script uses the facts up.
    this.facts = structuredClone(facts);
    try {
      this.images ??= loadImages(this.plan);
      const { images } = this;
      this.script = writeScript(this.plan, facts, images.contents, (thread) => this.startOf(images, thread));
    } catch (error) {
      if (error instanceof RangeError)
        throw new Refusal('refused', error.message, 'give machine.ram more, or the cells less');
      throw error;
    }
    if (this.isBooted) this.releaseBoot();
    return this.script;
  }

  /** Steps that are done hold everything that frames began with. The boot task knows how many there were. */
  private releaseBoot(): void {
    this.images = undefined;
    this.script!.steps.fill({ store: new Uint8Array(), at: 0 });
  }

  booted(): void {
    this.activity.learn(this.plan, this.script!, this.kernel.node.current);
    this.isBooted = true;
    this.releaseBoot();
    this.events.booted();
  }

  refused(step: { label: string }, reason: string): never {
    throw new Error(`the kernel refused ${step.label} of the boot script: ${reason}`);
  }

  private threadOf({ badge }: Message): Thread | undefined {
    return this.plan.threads.find((_, index) => bootFaultBadge(index) === badge);
  }

  fault(message: Message): void {
    const thread = this.threadOf(message);
    const { words } = message;
    if (message.label === faultType.unknownSyscall && words[unknownSyscall.syscall] === BigInt(systemReset)) {
      const how = resetNames[Number(words[unknownSyscall.a0])] ?? 'reset';
      this.events.machineEnded(thread?.cell ?? '?', how, words[unknownSyscall.a2] === 1n);
      return;
    }
    this.events.unhandledFault(thread?.cell ?? '?', thread?.tcb ?? '?', describeFault(message));
  }

  repliesOf(message: Message): readonly number[] {
    const thread = this.threadOf(message);
    const reply = this.plan.cspaces
      .find(({ cnode }) => cnode === thread?.cspace)
      ?.capabilities.find(({ purpose }) => purpose === 'answers');
    const slot = reply && this.script!.slots.get(reply.object);
    return slot === undefined ? [] : [slot];
  }

  // ---- saving

  /** A digest of everything that makes this system what it is: the plan, images and devices' files, servers' programs. */
  get identity(): string {
    const hash = createHash('sha256').update(JSON.stringify(this.plan));
    for (const { sha256 } of this.manifest.images) hash.update(sha256);
    for (const { script } of this.programs.values()) hash.update(script);
    return hash.digest('hex');
  }

  save(): SavedSystem {
    return {
      machine: this.machine.save(),
      kernel: saveKernel(this.kernel),
      platform: this.platform.save(),
      disks: Object.fromEntries([...this.overlays].map(([name, overlay]) => [name, overlay.save()])),
      facts: structuredClone(this.facts),
      activity: this.isBooted ? this.activity.save() : undefined,
    };
  }

  /** Goes on where `save` was called, in this or another process; instead of `start`. */
  load({ machine, kernel, platform, disks, facts, activity }: SavedSystem): void {
    this.machine.load(machine);
    loadKernel(this.kernel, kernel);
    this.platform.load(platform);
    for (const [name, overlay] of this.overlays) overlay.load(disks[name]!);
    this.isBooted = false;
    if (facts) this.writeScript(structuredClone(facts));
    if (!activity) return;
    const bootTask = this.kernel.threads.find((thread) => thread.realm instanceof BootTask)!;
    this.activity.learn(this.plan, this.script!, bootTask);
    this.activity.load(activity);
    this.isBooted = true;
    this.releaseBoot();
  }
}

/** What the kernel has to know of a plan with windows. */
function windowsOf(plan: Plan): Partial<KernelConfig> {
  const domains = plan.domainSchedules.flatMap((schedule) => schedule.domains.map(({ domain }) => domain));
  if (plan.domainSchedules.length === 0) return {};
  return {
    windows: true,
    numDomains: 1 + Math.max(...domains),
    domainScheduleLength: domainScheduleLength(plan),
  };
}

const hex = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16)}`;

/** A fault message in words. */
export function describeFault({ label, words }: Message): string {
  switch (label) {
    case faultType.vmFault:
      return `memory fault at ${hex(words[1])} (pc ${hex(words[0])}, ${words[2] === 1n ? 'fetch' : words[3] === 7n ? 'store' : 'load'})`;
    case faultType.capFault:
      return `capability fault: slot ${hex(words[1])} (pc ${hex(words[0])})`;
    case faultType.unknownSyscall:
      return `unknown system call ${words[10]} (pc ${hex(words[0])})`;
    case faultType.userException:
      return `exception ${hex(words[2])}, code ${words[3]} (pc ${hex(words[0])})`;
    case faultType.timeout:
      return `its budget is used up (${words[1]} us)`;
    case faultType.vcpuFault:
      return `virtual hart trap, cause ${words[0]} (pc ${hex(words[3])})`;
    default:
      return `fault ${label}`;
  }
}
