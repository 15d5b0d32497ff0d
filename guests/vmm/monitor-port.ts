// What the monitor needs of the cell around it: guest memory, its vCPUs' kernel objects, its ends of channels. server.ts
// implements it over the SDK, tests over a machine or a model.

import type { VcpuRegister } from '../../microvisor/abi/extensions.ts';

/** Where a vCPU begins: in VS-mode with paging and interrupts off. */
export interface VcpuEntry {
  pc: bigint;
  a0: bigint;
  a1: bigint;
}

/** Why a virtual machine ends by itself. */
export type Ending =
  /** SBI system reset; `failure`: the guest gave "system failure" as its reason. */
  | { kind: 'shutdown' | 'cold-reboot' | 'warm-reboot'; failure: boolean }
  /** A vCPU trapped in a way that no guest can cause: the kernel's or the monitor's bug. */
  | { kind: 'unexpected-trap'; vcpu: number; cause: number };

/**
 * vCPUs and channels go by their numbers in the plan. No method blocks for another cell and none throws for what a guest
 * did: the monitor checks ranges before it asks.
 */
export interface MonitorPort {
  /** Virtual nanoseconds since boot. */
  nowNs(): number;
  /** Guest RAM, by guest physical address; the range lies inside. */
  readRam(address: number, length: number): Uint8Array;
  writeRam(address: number, bytes: Uint8Array): void;

  /** VCPUReadRegister, VCPUWriteRegister: unsigned 64-bit values. */
  readVcpu(vcpu: number, register: VcpuRegister): bigint;
  writeVcpu(vcpu: number, register: VcpuRegister, value: bigint): void;
  /** VCPUInject: clears, then sets bits of hvip. */
  inject(vcpu: number, set: number, clear: number): void;
  /** VCPUFence: `kind` of abi/extensions.ts; address or guest ASID −1: all. */
  fence(vcpu: number, kind: number, address: bigint, asid: bigint): void;
  /** Gives a stopped vCPU its general registers and lets it run. */
  start(vcpu: number, entry: VcpuEntry): void;

  /** Appends to an outgoing stream, and signals the peer; how many bytes there was room for. */
  writeStream(channel: number, bytes: Uint8Array): number;
  /** What has come in on a stream, up to `limit` bytes; it stays until it is consumed. */
  peekStream(channel: number, limit: number): Uint8Array;
  consumeStream(channel: number, count: number): void;
  /**
   * Sends one message (queue, sample), at most the channel's message size, and signals the peer. Without room: false, or with
   * `mayDrop` it is counted as dropped, and true.
   */
  sendMessage(channel: number, message: Uint8Array, mayDrop: boolean): boolean;
  /** Takes the next message of a queue, or the sample if it is new. */
  receiveMessage(channel: number): Uint8Array | undefined;
  /** Which life of the peer writes into a stream or queue: a number that grows when the peer starts anew. */
  peerGeneration(channel: number): number;
  /** Signals the peer (notify). */
  signal(channel: number): void;

  /** Guest output that no channel takes: the log of the run. */
  log(bytes: Uint8Array): void;
  /** The virtual machine is over; tells the supervisor. The monitor resumes no vCPU any more. */
  end(ending: Ending): void;
}
