// The door from the SDK to its realm. Servers don't use it: they use `Cell` and its channels.

/** The registers after a system call. */
export interface SystemCallResult {
  /** Badge of the sender, or the notification word. */
  readonly badge: bigint;
  /** Message info word. */
  readonly info: bigint;
  readonly words: readonly bigint[];
}

/**
 * What a realm offers. Each operation takes effect when the work before it has been paid for in virtual time; it may end
 * the turn, and then the handler runs again later with recorded results.
 */
export interface Machine {
  /**
   * A system call of seL4, made through registers and IPC buffer. Blocks as the call itself does.
   * @param info message info word; words beyond the fourth travel in the IPC buffer at `buffer`
   * @param destination of NBSendRecv: the capability to send to
   */
  systemCall(
    number: number,
    capability: number,
    info: bigint,
    words: readonly bigint[],
    reply: number,
    buffer: number,
    destination?: number,
  ): SystemCallResult;
  /** Reads 1, 2, 4 or 8 bytes, little-endian, unsigned for sizes below 8. Faults like a load of machine code. */
  load(address: number, size: 1 | 2 | 4 | 8): bigint;
  /** Writes at once: a fact even if the handler fails. */
  store(address: number, size: 1 | 2 | 4 | 8, value: bigint): void;
  /** Writes bytes one after the other to the same address, of a device; at most 64, with nothing in between. */
  storeEach(address: number, bytes: Uint8Array): void;
  /** A copy of memory, at most 1 MiB. */
  loadBytes(address: number, length: number): Uint8Array;
  storeBytes(address: number, bytes: Uint8Array): void;
  /** A store that happens when the handler commits; `load` in this handler sees it already. */
  publish(address: number, size: 1 | 2 | 4 | 8, value: bigint): void;
  /**
   * seL4_Signal on a notification, when the handler commits. With `wanted`, only if the 32-bit word at that address is not 0
   * then, which becomes 0.
   */
  signal(capability: number, wanted?: number): void;
  state(): unknown;
  draft(): unknown;
  /** Names the handler that runs, for fault reports. */
  handling(name: string): void;
}

declare const $machine: Machine;
export const machine: Machine = $machine;
