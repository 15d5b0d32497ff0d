// A virtual machine as its monitor holds it: configuration and state as plain data, and the port to the cell around it.

import { type EntropyState, entropyState, takeEntropy } from '../../vdev/entropy.ts';
import { type GoldfishRtcState, goldfishRtcState } from '../../vdev/goldfish-rtc.ts';
import { createPlic, type PlicState } from '../../vdev/plic.ts';
import { type SbiState, sbiState } from '../../vdev/sbi/sbi.ts';
import { virtioSlots } from '../../vdev/virt-map.ts';
import { type ConsoleState, consoleState, virtioConsole } from '../../vdev/virtio/console.ts';
import { type NetState, netState, virtioNet } from '../../vdev/virtio/net.ts';
import { virtioRng } from '../../vdev/virtio/rng.ts';
import { type VirtioState, virtioState } from '../../vdev/virtio/transport.ts';
import type { VmChannel } from './channel.ts';
import { type DiskSlot, diskSlot } from './disk-state.ts';
import type { MonitorPort } from './monitor-port.ts';

export interface GuestRam {
  /** Guest physical. */
  base: number;
  bytes: number;
}

export interface VmConfig {
  name: string;
  vcpus: number;
  ram: GuestRam;
  /** Guest physical address where vCPU 0 begins; the kernel and the initrd are there already. */
  entry: number;
  initrd: { start: number; end: number } | null;
  /** Where the monitor writes the device tree. */
  treeAt: number;
  bootargs: string;
  /** Of the guest's clock: ticks per second. */
  timebaseHz: number;
  /** The system's seed: the guest's randomness and its MAC addresses come from it and the name. */
  seed: number;
  /** Unix time at boot, in seconds. */
  epochSeconds: number;
  /** In the order of their virtio slots; `channel` is the number of the one behind the device. */
  devices: { virtio: 'blk' | 'console' | 'net' | 'rng'; channel: number | null }[];
  /** Channels that the guest finds as ports of its console. */
  ports: number[];
  channels: VmChannel[];
}

/** A port of the console and the channel behind it. Bytes are kept as strings of one character each. */
export interface PortState {
  readonly channel: VmChannel;
  /** What the guest has written and the channel has no room for: bytes of a stream, or messages. The port is held meanwhile. */
  backlog: string[];
  /** A message that has come in, as far as the guest has not taken it; and whether it has begun to. */
  message: string;
  messageBegun: boolean;
  /** Something may have come in that the guest had no buffers for. */
  inputDue: boolean;
  /** Of a notify channel: a signal that the guest has not been told of. */
  signalled: boolean;
}

export interface ConsoleSlot {
  kind: 'console';
  virtio: VirtioState<ConsoleState>;
  /** By port number. */
  ports: PortState[];
}

export interface NetSlot {
  kind: 'net';
  virtio: VirtioState<NetState>;
  channel: number;
  /** A frame that has come in and that the guest has no buffer for. */
  frame: string;
  inputDue: boolean;
}

export interface RngSlot {
  kind: 'rng';
  virtio: VirtioState<EntropyState>;
}

export type Slot = ConsoleSlot | NetSlot | RngSlot | DiskSlot;

export interface VmState {
  sbi: SbiState;
  plic: PlicState;
  /** By vCPU: whether its external interrupt is raised. */
  external: boolean[];
  rtc: GoldfishRtcState;
  /** When the clock's alarm is due; null: no alarm. */
  alarmNs: number | null;
  /** Virtio transports from slot 0 on. */
  slots: Slot[];
  /** The machine has been shut down or has failed: nothing runs any more. */
  ended: boolean;
}

export interface Vm {
  readonly config: VmConfig;
  readonly state: VmState;
  readonly port: MonitorPort;
}

/** The state at power-on. Throws a RangeError when the configuration has more devices than there are slots: the plan's bug. */
export function vmState(config: VmConfig): VmState {
  const slots = slotsOf(config);
  if (slots.length > virtioSlots) throw new RangeError(`${config.name} has more than ${virtioSlots} virtio devices`);
  return {
    sbi: sbiState(config.vcpus),
    plic: createPlic(config.vcpus),
    external: new Array<boolean>(config.vcpus).fill(false),
    rtc: goldfishRtcState(config.epochSeconds),
    alarmNs: null,
    slots,
    ended: false,
  };
}

/** All terminals and ports are one device, in the place of the first: Linux counts hvc0, hvc1 … over its ports. */
function slotsOf(config: VmConfig): Slot[] {
  const { name, seed, devices } = config;
  const slots: Slot[] = [];
  const console = consoleSlot(config);
  for (const [index, { virtio, channel }] of devices.entries()) {
    switch (virtio) {
      case 'console':
        if (!slots.includes(console)) slots.push(console);
        break;
      case 'rng':
        slots.push({ kind: 'rng', virtio: virtioState(virtioRng, entropyState(seed, `${name}/rng${index}`)) });
        break;
      case 'net': {
        const mac = takeEntropy(entropyState(seed, `${name}/mac${index}`), 6);
        // Locally administered, and no group address.
        mac[0] = (mac[0]! & 0xfc) | 2;
        const virtio = virtioState(virtioNet, netState([...mac]));
        slots.push({ kind: 'net', virtio, channel: channel!, frame: '', inputDue: false });
        break;
      }
      case 'blk':
        slots.push(diskSlot(config.channels.find(({ number }) => number === channel)!));
        break;
      default:
        virtio satisfies never;
    }
  }
  if (console.ports.length > 0 && !slots.includes(console)) slots.push(console);
  return slots;
}

function consoleSlot({ devices, ports, channels }: VmConfig): ConsoleSlot {
  const terminals = devices.filter(({ virtio }) => virtio === 'console').map(({ channel }) => channel!);
  const list = [...terminals, ...ports].map((number) => channels.find((channel) => channel.number === number)!);
  const described = list.map(({ name }, index) => ({ name, console: index < terminals.length }));
  return {
    kind: 'console',
    virtio: virtioState(virtioConsole, consoleState(described)),
    ports: list.map((channel) => ({
      channel,
      backlog: [],
      message: '',
      messageBegun: false,
      inputDue: false,
      signalled: false,
    })),
  };
}
