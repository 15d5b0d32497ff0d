// What the SBI implementation needs of the machine or of the virtual machine's kernel objects.

/** Addresses that a remote fence covers; 'all': the whole address space. `size` is in bytes. */
export type FenceRange = 'all' | { start: bigint; size: bigint };

/** A fence that other harts execute on a caller's behalf (SBI spec, RFENCE). */
export type RemoteFence =
  | { kind: 'fence.i' }
  /** asid undefined: all of them. */
  | { kind: 'sfence.vma'; range: FenceRange; asid: number | undefined }
  /** vmid undefined: all of them. The range is of guest physical addresses. */
  | { kind: 'hfence.gvma'; range: FenceRange; vmid: number | undefined }
  /** For the VMID in the caller's hgatp. */
  | { kind: 'hfence.vvma'; range: FenceRange; asid: number | undefined };

export type ResetKind = 'shutdown' | 'cold-reboot' | 'warm-reboot';

/** Where a hart begins in S-mode, with satp = 0, sstatus.SIE = 0, a0 = its hart id and a1 = opaque. */
export interface HartEntry {
  address: number;
  opaque: bigint;
}

/**
 * The machine under an SBI implementation. Harts are numbered 0 to `harts - 1` and those are their hart ids. No method
 * throws; every effect has happened, or is certain to happen, when the method returns.
 */
export interface SbiPlatform {
  readonly harts: number;
  /** Whether the harts have the H extension: if not, remote hfences answer NOT_SUPPORTED. */
  readonly hypervisor: boolean;
  readonly mvendorid: bigint;
  readonly marchid: bigint;
  readonly mimpid: bigint;

  /** Raises the hart's supervisor timer interrupt at `time` (timebase ticks, unsigned) and clears it until then. */
  setTimer(hart: number, time: bigint): void;
  /** Sets SSIP on the hart. */
  sendIpi(hart: number): void;
  /** Clears the hart's SSIP; whether it was set. */
  clearIpi(hart: number): boolean;
  /** Executes the fence on `hart`, for `caller`. Done when this returns. */
  remoteFence(caller: number, hart: number, fence: RemoteFence): void;

  /** Starts a stopped hart. */
  startHart(hart: number, entry: HartEntry): void;
  /** Stops the calling hart: it executes nothing until startHart. */
  stopHart(hart: number): void;
  /**
   * Lets the calling hart wait for an interrupt that is pending and enabled in sie, whatever sstatus.SIE says. With
   * `resume` its registers are lost and it goes on there. The platform calls `hartResumed` when the wait ends.
   */
  suspendHart(hart: number, resume: HartEntry | undefined): void;

  /** Ends or restarts the system. `reason`: 0 none, 1 system failure. The caller executes nothing more. */
  reset(kind: ResetKind, reason: number): void;

  /** Writes to the console; how many bytes it took. */
  consoleWrite(bytes: Uint8Array): number;
  /** Takes up to `limit` bytes that have come in. */
  consoleRead(limit: number): Uint8Array;

  /** Whether all of the physical range is memory that S-mode may read, write and execute. */
  isMemory(address: number, length: number): boolean;
  /** Physical memory, within a range that isMemory accepted. */
  readMemory(address: number, length: number): Uint8Array;
  writeMemory(address: number, bytes: Uint8Array): void;
  /**
   * A doubleword through the hart's S-mode translation, for legacy calls. undefined: it faulted, and the platform has
   * delivered the page or access fault to the supervisor with sepc at the ECALL.
   */
  loadVirtual(hart: number, address: bigint): bigint | undefined;
}
