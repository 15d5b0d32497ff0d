// What a realm sees of its thread: the gate to the kernel, and memory through the thread's page tables.

import { exceptions } from '../hw/hart/causes.ts';
import { realmPc } from './abi/extensions.ts';
import { userTop } from './abi/limits.ts';
import { entryAddress, findVSpaceForASID, isPageTable, isValid, lookupPTSlot } from './address-space.ts';
import type { Kernel } from './kernel.ts';
import { capType, type Tcb, tcbSlot, threadState } from './objects.ts';
import type { RealmThread } from './realm.ts';

/** How the door enters the kernel on behalf of the thread. */
export interface RealmTraps {
  exception(hart: number, cause: number, tval: bigint): void;
  userException(hart: number, number: number, code: number): void;
}

const readable = 2n;
const writable = 4n;
const pageSize = 4096;

/** Little-endian. */
function wordOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}
function bytesOf(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

export class RealmDoor implements RealmThread {
  /** The hart's clock must not pass this in the turn. */
  limit = 0;
  constructor(
    private readonly kernel: Kernel,
    private readonly traps: RealmTraps,
    private readonly hart: number,
    private readonly tcb: Tcb,
  ) {}

  private get isCurrent(): boolean {
    const { tcb } = this;
    return this.kernel.nodes[this.hart]!.current === tcb && tcb.state === threadState.running;
  }
  private get isRunning(): boolean {
    return this.isCurrent && this.tcb.context.pc === realmPc.running;
  }

  pay(ticks: number): boolean {
    this.tcb.realmDebt += ticks;
    return this.isRunning && this.payDebt();
  }
  /** Pays as much as there is time for, wherever the thread is to go on. true: all. */
  payDebt(): boolean {
    if (!this.isCurrent) return false;
    const { port } = this.kernel.machine;
    if (port.interruptPending(this.hart)) return this.tcb.realmDebt === 0;
    // A system call of this turn may have set an earlier deadline.
    const limit = Math.min(this.limit, port.deadlines[this.hart]!);
    const paid = Math.min(this.tcb.realmDebt, Math.max(0, limit - port.clocks[this.hart]!));
    port.clocks[this.hart]! += paid;
    this.tcb.realmDebt -= paid;
    return this.tcb.realmDebt === 0;
  }

  register(index: number): bigint {
    return this.tcb.context.x(index);
  }
  setRegister(index: number, value: bigint): void {
    this.tcb.context.setX(index, BigInt.asIntN(64, value));
  }

  systemCall(): boolean {
    if (!this.isRunning) return false;
    this.tcb.context.pc = realmPc.calling;
    this.traps.exception(this.hart, exceptions.userEcall, 0n);
    return this.isRunning;
  }
  fault(number: number, code: number): void {
    if (this.isRunning) this.traps.userException(this.hart, number, code);
  }

  load(address: number, size: 1 | 2 | 4 | 8): bigint | undefined {
    const bytes = this.loadBytes(address, size);
    return bytes === undefined ? undefined : wordOf(bytes);
  }
  store(address: number, size: 1 | 2 | 4 | 8, value: bigint): boolean {
    return this.storeBytes(address, bytesOf(value, size));
  }
  loadBytes(address: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.access(address, bytes, false) ? bytes : undefined;
  }
  storeBytes(address: number, bytes: Uint8Array): boolean {
    return this.access(address, bytes, true);
  }

  /** Translates a range page by page; nothing is accessed unless all of it is mapped. A page that isn't faults. */
  private access(address: number, bytes: Uint8Array, write: boolean): boolean {
    if (!this.isRunning) return false;
    const pieces: { physical: number; offset: number; count: number }[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const at = address + offset;
      const count = Math.min(bytes.length - offset, pageSize - (at % pageSize));
      const physical = this.translate(at, write);
      if (physical < 0) return this.vmFault(at, write);
      pieces.push({ physical, offset, count });
      offset += count;
    }
    for (const { physical, offset, count } of pieces) {
      const piece = bytes.subarray(offset, offset + count);
      if (!this.accessPhysical(physical, piece, write)) return this.vmFault(address + offset, write);
    }
    return true;
  }
  private accessPhysical(physical: number, bytes: Uint8Array, write: boolean): boolean {
    const { port, memory } = this.kernel.machine;
    const { length } = bytes;
    const at = memory.hostAddress(physical, length);
    if (at >= 0) {
      if (write) {
        memory.u8.set(bytes, at);
        this.kernel.written(physical, length);
      } else {
        bytes.set(memory.u8.subarray(at, at + length));
      }
      return true;
    }
    if (length !== 1 && length !== 2 && length !== 4 && length !== 8) return false;
    if (write) return port.storeDevice(this.hart, physical, length, wordOf(bytes));
    const value = port.loadDevice(this.hart, physical, length);
    if (value !== undefined) bytes.set(bytesOf(value, length));
    return value !== undefined;
  }
  private vmFault(address: number, write: boolean): false {
    const cause = write ? exceptions.storePageFault : exceptions.loadPageFault;
    this.traps.exception(this.hart, cause, BigInt.asUintN(64, BigInt(Math.trunc(address) || 0)));
    return false;
  }

  private translate(address: number, write: boolean): number {
    if (!(address >= 0 && address < userTop)) return -1;
    const { cap } = this.tcb.slots.slot(tcbSlot.vTable);
    if (cap.type !== capType.pageTable) return -1;
    const root = findVSpaceForASID(this.kernel, cap.asid);
    if (root === null || root.address !== cap.address) return -1;
    const { entry, bitsLeft } = lookupPTSlot(this.kernel, root, address);
    if (!isValid(entry) || isPageTable(entry)) return -1;
    if ((entry & (write ? writable : readable)) === 0n) return -1;
    return entryAddress(entry) + (address % 2 ** bitsLeft);
  }
}
