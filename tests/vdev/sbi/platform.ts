// An SBI platform that records what it was asked to do.

import {
  type HartEntry,
  hartResumed,
  type RemoteFence,
  type SbiPlatform,
  type SbiState,
} from '../../../vdev/sbi/sbi.ts';

export const ramBase = 0x8000_0000;
export const ramSize = 0x1_0000;

export interface RecordingPlatform extends SbiPlatform {
  readonly log: unknown[][];
  readonly ram: Uint8Array;
  typed: number[];
  printed: string;
  readonly virtual: Map<bigint, bigint>;
  readonly pendingIpis: Set<number>;
  /** Lets a suspended hart go on. */
  wake(state: SbiState, hart: number): void;
}

export function recordingPlatform(harts = 4, hypervisor = true): RecordingPlatform {
  const ram = new Uint8Array(ramSize);
  return {
    harts,
    hypervisor,
    mvendorid: 0n,
    marchid: 0x8000_0000_0000_002an,
    mimpid: 7n,
    log: [],
    ram,
    typed: [],
    printed: '',
    virtual: new Map(),
    pendingIpis: new Set(),
    wake: hartResumed,
    setTimer(hart: number, time: bigint) {
      this.log.push(['setTimer', hart, time]);
    },
    sendIpi(hart: number) {
      this.pendingIpis.add(hart);
    },
    clearIpi(hart: number) {
      return this.pendingIpis.delete(hart);
    },
    remoteFence(caller: number, hart: number, fence: RemoteFence) {
      this.log.push(['fence', caller, hart, fence]);
    },
    startHart(hart: number, entry: HartEntry) {
      this.log.push(['start', hart, entry]);
    },
    stopHart(hart: number) {
      this.log.push(['stop', hart]);
    },
    suspendHart(hart: number, resume: HartEntry | undefined) {
      this.log.push(['suspend', hart, resume]);
    },
    reset(kind, reason) {
      this.log.push(['reset', kind, reason]);
    },
    consoleWrite(bytes: Uint8Array) {
      this.printed += String.fromCharCode(...bytes);
      return bytes.length;
    },
    consoleRead(limit: number) {
      return Uint8Array.from(this.typed.splice(0, limit));
    },
    isMemory: (address, length) => address >= ramBase && address + length <= ramBase + ramSize,
    readMemory: (address, length) => ram.slice(address - ramBase, address - ramBase + length),
    writeMemory: (address, bytes) => ram.set(bytes, address - ramBase),
    loadVirtual(_hart: number, address: bigint) {
      return this.virtual.get(address);
    },
  };
}
