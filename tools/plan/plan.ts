// The plan: which kernel objects there are, who holds which capability to them, what is mapped where, what runs when. Plain
// data, in CapDL's spirit: a boot task executes it with the kernel's invocations and decides nothing.

import type { CellConfig } from '../../guests/sdk/config.ts';
import type { Plain } from '../manifest/field.ts';
import type { ImageFile } from '../manifest/model.ts';

/** seL4's object types, and the extensions GuestRoot and VCPU. */
export type ObjectType =
  | 'Untyped'
  | 'CNode'
  | 'TCB'
  | 'SchedContext'
  | 'Endpoint'
  | 'Reply'
  | 'Notification'
  | 'Frame'
  | 'PageTable'
  | 'VSpace'
  | 'GuestRoot'
  | 'VCPU'
  | 'IRQHandler'
  | 'DeviceFrame';

/** Name of an object, unique in the plan: `linux.vcpu0.tcb`. */
export type ObjectId = string;

export interface PlanObject {
  id: ObjectId;
  type: ObjectType;
  /** Binary logarithm of the size of one in bytes; 0 for what takes no memory (IRQHandler, DeviceFrame). */
  sizeBits: number;
  /** Frames and page tables come in runs; everything else is one. */
  count: number;
  /** Where a DeviceFrame's registers are. */
  physical?: number;
  /** The cell, region, channel or device that it is there for, as `cell linux`. */
  owner: string;
}

export interface Rights {
  read: boolean;
  write: boolean;
  grant: boolean;
  grantReply: boolean;
}

export interface Capability {
  slot: number;
  object: ObjectId;
  rights: Rights;
  /** Hexadecimal; absent for an unbadged capability. */
  badge?: string;
  /** What the cell does with it, in words. */
  purpose: string;
}

export interface CSpace {
  cell: string;
  cnode: ObjectId;
  radix: number;
  guardBits: number;
  capabilities: Capability[];
}

export interface Mapping {
  at: number;
  bytes: number;
  /** The frames, whole and in order. */
  object: ObjectId;
  perms: { read: boolean; write: boolean; execute: boolean };
  /** What lies there, in words. */
  purpose: string;
}

export interface AddressSpace {
  cell: string;
  /** VSpace (Sv39) or GuestRoot (Sv39x4). */
  root: ObjectId;
  pageTables: ObjectId | undefined;
  mappings: Mapping[];
}

/** What a thread runs. */
export type Program =
  | { kind: 'realm'; image: ImageFile }
  /** `entry`: the symbol to begin at, instead of the image's own entry. */
  | { kind: 'elf'; image: ImageFile; entry?: string }
  /** Built in: guests/vmm. */
  | { kind: 'monitor'; of: string }
  /** Built in: guests/posix. */
  | { kind: 'personality'; of: string }
  | { kind: 'vcpu'; index: number };

export interface Thread {
  tcb: ObjectId;
  cell: string;
  hart: number;
  priority: number;
  /** Maximum controlled priority: what a supervisor may give its children. */
  mcp: number;
  cspace: ObjectId;
  vspace: ObjectId;
  /** Absent for vCPUs. */
  ipcBuffer?: { at: number; frame: ObjectId };
  schedContext: ObjectId | undefined;
  /** Whether the scheduling context is taken away when `init` is over: the thread is passive from then on. */
  passive: boolean;
  /** Who gets the faults; the boot task when absent. */
  faultHandler: { endpoint: ObjectId; badge: string } | undefined;
  boundNotification: ObjectId | undefined;
  vcpu: ObjectId | undefined;
  guestRoot: ObjectId | undefined;
  program: Program;
}

export interface SchedContext {
  object: ObjectId;
  hart: number;
  budgetNs: number;
  periodNs: number;
  /** Whether the manifest (or the plan) reserves this time; otherwise it is a round robin slice. */
  guaranteed: boolean;
  /** Bound to this notification instead of a thread. */
  notification: ObjectId | undefined;
}

export interface Interrupt {
  irq: number;
  device: string;
  cell: string;
  handler: ObjectId;
  notification: ObjectId;
  badge: string;
}

/** One end of a channel as its server knows it. */
export interface ChannelEnd {
  number: number;
  channel: string;
  type: 'rpc' | 'notify' | 'stream' | 'queue' | 'sample';
  /** 0: `from`, or the first of `ends`. */
  end: 0 | 1;
  peer: string;
  /** Whether this end calls, signals, writes; answers, is signalled, reads; or both. */
  sends: boolean;
  receives: boolean;
  /** Its memory in the server's address space, whole pages; 0 and 0 when it has none. */
  address: number;
  size: number;
  messageBytes: number;
  full: 'block' | 'drop' | 'drop-oldest' | 'fail' | undefined;
  deadlineNs: number | undefined;
  refreshNs: number | undefined;
}

/** What the runtime of a server is told. */
export interface Server {
  cell: string;
  kind: 'native' | 'vm' | 'posix' | 'rtos';
  tcb: ObjectId;
  /** Gives its scheduling context back after `init`. */
  passive: boolean;
  channels: ChannelEnd[];
  interrupts: { number: number; device: string; irq: number; registersAt: number }[];
  children: { number: number; cell: string; tcb: ObjectId; restart?: 'restart' | 'resume' }[];
  /** The channel number of a child's sign of life. */
  heartbeats: { number: number; cell: string; everyNs: number; missed: number }[];
  /** The channel number on which it gives signs of life itself. */
  heartbeat: number | undefined;
  config: Readonly<Record<string, Plain>> | undefined;
  /** For the account of its private memory. */
  memoryBytes: number;
  /** A guest of its own, for monitors. */
  guest:
    | {
        ram: { at: number; bytes: number };
        kernel: ImageFile;
        initrd: ImageFile | undefined;
        bootargs: string;
        vcpus: ObjectId[];
        /** `number`: the channel behind the device. Channels that no device names are ports of the console. */
        devices: { virtio: 'blk' | 'console' | 'net' | 'rng'; number: number | undefined }[];
        ports: number[];
      }
    | undefined;
}

/** Who may run when, on a hart with windows, in one mode. */
export interface DomainSchedule {
  mode: string;
  hart: number;
  frameNs: number;
  /** Lengths add up to the frame; domain `idleDomain` has no threads. */
  entries: { domain: number; atNs: number; lengthNs: number }[];
  /** The domain of each thread on the hart in this mode. */
  domains: { tcb: ObjectId; domain: number }[];
}

export type FrameContent = { object: ObjectId; offset: number } & (
  | { kind: 'file'; file: ImageFile }
  /** The bytes of PT_LOAD number `index` of an ELF, those of no size not counted. */
  | { kind: 'segment'; file: ImageFile; index: number }
  /** A u32 length, then so many bytes of JSON. */
  | { kind: 'config'; config: CellConfig }
);

export interface Plan {
  system: { name: string; seed: number; initialMode: string | undefined };
  machine: {
    harts: number;
    ramBytes: number;
    clockHz: number;
    timebaseHz: number;
    lookaheadNs: number;
    costs: Readonly<Record<string, number>>;
  };
  objects: PlanObject[];
  cspaces: CSpace[];
  addressSpaces: AddressSpace[];
  threads: Thread[];
  schedContexts: SchedContext[];
  interrupts: Interrupt[];
  domainSchedules: DomainSchedule[];
  servers: Server[];
  /** Content of frames before the first thread runs; what is not written is zero. */
  contents: FrameContent[];
  /** Frames that keep their content when `owner` restarts. */
  persistent: { object: ObjectId; owner: string }[];
}
