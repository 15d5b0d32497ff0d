// A root task on the kernel: QEMU's `virt` board with the devices that seL4's user level drives, and nothing else.

import { ramBase } from '../../hw/engine/memory.ts';
import type { Attachment } from '../../hw/machine/bus.ts';
import { Machine, type MachineConfig, type StopReason } from '../../hw/machine/machine.ts';
import {
  boot,
  defaultConfig,
  defaultCosts,
  type InitialThread,
  Kernel,
  Microvisor,
  type RealmDirectory,
} from '../../microvisor/index.ts';
import type { Tcb } from '../../microvisor/objects.ts';
import { writeFdt } from '../../vdev/fdt.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import type { Uart16550State } from '../../vdev/uart16550.ts';
import { virtMap } from '../../vdev/virt-map.ts';
import { virtTree } from '../../vdev/virt-tree.ts';
import { attachVirtDevices } from '../board/devices.ts';
import { Platform } from '../boot/kernel-port.ts';
import type { ElfImage } from '../image/elf.ts';
import type { ReadResult } from '../image/image-error.ts';
import { kernelMemory, placeRootTask } from './place.ts';
import { type Profile, profileShapes } from './profile.ts';

export interface RootTaskOptions {
  profile: Profile;
  harts: number;
  ramSize: number;
  clockHz: number;
  translator?: MachineConfig['translator'];
  /** Overrides of the profile. */
  numDomains?: number | undefined;
  /** Entries of a domain schedule, the end marker among them: at least 2. */
  domainScheduleLength?: number | undefined;
  rootCNodeSizeBits: number;
  /** TypeScript that threads of the task may run; then slot 15 holds the capability to it. */
  realms?: RealmDirectory | undefined;
  /** What BootInfo carries as device tree; default: the board's. */
  deviceTree?: Uint8Array | undefined;
}

/** What a root task shows: bytes of the kernel's debug console and of the UART, in order, and the kernel's own lines. */
export interface RootTaskEvents {
  console(bytes: Uint8Array): void;
  log(line: string): void;
  /** The task halted the kernel, or wrote to the test finisher. */
  halted(reason: string): void;
  outcome(outcome: Outcome): void;
}

export class RootTaskSystem {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly microvisor: Microvisor;
  private readonly platform: Platform;
  private readonly uart: Attachment<Uart16550State>;
  private rootThread: Tcb | undefined;
  /** Whether the first thread has faulted with nobody to tell. */
  rootFaulted = false;

  constructor(
    private readonly options: RootTaskOptions,
    events: RootTaskEvents,
  ) {
    const {
      profile,
      harts,
      ramSize,
      clockHz,
      translator,
      numDomains,
      domainScheduleLength,
      rootCNodeSizeBits,
      realms,
    } = options;
    const shape = profileShapes[profile];
    this.machine = new Machine({ harts, ramSize, clockHz, supervisorMode: 'HS', translator });
    const { machine } = this;
    this.platform = new Platform(machine, {
      putChar: (byte) => events.console(Uint8Array.of(byte)),
      log: (line) => {
        if (this.kernel.node.current === this.rootThread) this.rootFaulted ||= line.startsWith('fault without handler');
        events.log(line);
      },
      halt: (reason) => {
        events.halted(reason);
        machine.stop();
      },
    });
    const config = {
      ...defaultConfig,
      numDomains: numDomains ?? shape.numDomains,
      domainScheduleLength: domainScheduleLength ?? shape.domainScheduleLength,
      windows: shape.windows,
      // Realms are one of them.
      extensions: shape.extensions || realms !== undefined,
      clockHz,
      timebaseHz: machine.timebaseHz,
      rootCNodeSizeBits,
    };
    const doors = { memory: machine.memory, harts: machine.harts, port: this.platform.port };
    this.kernel = new Kernel(realms ? { ...doors, realms } : doors, config, defaultCosts);
    this.microvisor = new Microvisor(this.kernel);
    machine.install(this.microvisor);
    this.uart = attachVirtDevices(this.platform, 0, {
      onConsole: (bytes) => events.console(bytes),
      onOutcome: (outcome) => {
        events.outcome(outcome);
        machine.stop();
      },
    });
  }

  /** Loads the task and lets every hart choose its first thread; nothing runs yet. Refuses an image that cannot be one. */
  start(elf: ElfImage): ReadResult<InitialThread> {
    const placed = placeRootTask(this.machine, elf);
    if (!placed.ok) return placed;
    const deviceTree = this.options.deviceTree ?? this.boardTree();
    boot(this.kernel, { initialThread: placed.value, kernelMemory, deviceTree });
    this.rootThread = this.kernel.threads[0];
    this.microvisor.start();
    return placed;
  }

  private boardTree(): Uint8Array {
    const { harts, ramSize } = this.options;
    const shown = { uart: true, rtc: true, finisher: true, virtioSlots: [] };
    return writeFdt(virtTree({ kind: 'bare', harts, ramBytes: ramSize, ramBase, ...shown }));
  }

  /** Bytes typed at the UART. */
  input(bytes: Uint8Array): void {
    this.machine.input('uart', 0, bytes);
  }

  /** Whether the task would be told of bytes typed at the UART: an idle one can otherwise not be woken by them. */
  get listening(): boolean {
    const receivedData = 1;
    return (this.uart.state.ier & receivedData) !== 0 && this.platform.isWanted(virtMap.uart.irq);
  }

  /** See `Machine.run`. */
  run(limit: number): StopReason {
    return this.machine.run(limit);
  }
}
