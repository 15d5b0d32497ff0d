// Boot: what seL4 hands to the first thread, from RAM as it is at power-on. The order of allocations and of slots is seL4's.

import { pageSize } from '../hw/engine/layout.ts';
import { ramBase } from '../hw/engine/memory.ts';
import { bootInfo, bootInfoHeader, initialCap, numInitialCaps } from './abi/boot-info.ts';
import { maxBootInfoUntypeds, maxPriority, minRefills, sizeBits, userTop, wordBits } from './abi/limits.ts';
import { callRegister } from './abi/system-calls.ts';
import { lookupPTSlot, makeUserPTE, tableEntry } from './address-space.ts';
import { cteInsert, deriveCap } from './cspace/derivation.ts';
import type { Kernel } from './kernel.ts';
import {
  AsidPool,
  type AsidRoot,
  type Capability,
  CNode,
  type CNodeCap,
  capType,
  type FrameCap,
  type PageTableCap,
  SchedContext,
  type Slot,
  Tcb,
  tcbSlot,
  threadState,
  vmRights,
} from './objects.ts';
import { SyscallError } from './outcome.ts';
import { bindRealm } from './realm-thread.ts';
import { refillNew } from './sporadic.ts';

/** A range of physical addresses; `end` is not in it. */
export interface Region {
  start: number;
  end: number;
}

/** The first thread: machine code that already lies in RAM, or a realm. */
export type InitialThread =
  | {
      readonly kind: 'image';
      /** Where the image lies: whole pages. */
      readonly physical: Region;
      /** Where its first page is mapped. */
      readonly virtualStart: number;
      readonly entry: number;
    }
  | { readonly kind: 'realm'; readonly number: number };

export interface BootOptions {
  initialThread: InitialThread;
  /** What of RAM the kernel keeps: at least 32 KiB. What is below counts as a device, as firmware's memory does on seL4. */
  kernelMemory?: Region;
  deviceTree?: Uint8Array;
  /** Device ranges that the kernel keeps: those of the CLINT and the PLIC, unless given. */
  kernelDevices?: readonly Region[];
  /** Physical addresses above this are nobody's. */
  deviceTop?: number;
  /** What else of RAM is spoken for: contents that cells find there. It is handed out as device memory is, at its addresses. */
  reserved?: readonly Region[];
}

export const defaultKernelMemory: Region = { start: ramBase, end: ramBase + 0x20_0000 };
const kernelDevices: readonly Region[] = [
  { start: 0x200_0000, end: 0x220_0000 },
  { start: 0xc00_0000, end: 0xc60_0000 },
];
const defaultDeviceTop = 2 ** 39;
/** Where a realm's IPC buffer and BootInfo are mapped: it has no image to follow. */
const realmSpaceStart = 0x1_0000;
const initialAsid = 1;

/** Makes the initial thread and everything it is given. RAM outside the image and `reserved` must be zero. */
export function boot(kernel: Kernel, options: BootOptions): void {
  new Boot(kernel, options).run();
}

const log2Ceil = (value: number): number => {
  let bits = 0;
  while (2 ** bits < value) bits++;
  return bits;
};

class Boot {
  private readonly extraBytes: number;
  private readonly image: { physical: Region; virtualStart: number };
  private readonly root: CNode;
  private readonly free: Region[] = [];
  private allocated = 0;
  private readonly kernelMemory: Region;
  private nextSlot = numInitialCaps;
  private biFrame = 0;
  private space: AsidRoot = { address: 0, guestLevels: 0 };

  constructor(
    private readonly kernel: Kernel,
    private readonly options: BootOptions,
  ) {
    const { initialThread, deviceTree } = options;
    this.kernelMemory = options.kernelMemory ?? defaultKernelMemory;
    this.extraBytes = deviceTree === undefined ? 0 : 16 + deviceTree.length;
    this.image =
      initialThread.kind === 'image'
        ? { physical: initialThread.physical, virtualStart: initialThread.virtualStart }
        : { physical: { start: 0, end: 0 }, virtualStart: realmSpaceStart };
    this.root = this.layOut();
  }

  /** Binary logarithm of the size of the extra BootInfo, 0 if there is none. */
  private get extraBits(): number {
    return this.extraBytes === 0 ? 0 : Math.max(log2Ceil(this.extraBytes), sizeBits.page);
  }
  private get ipcBufferAddress(): number {
    return this.image.virtualStart + (this.image.physical.end - this.image.physical.start);
  }
  private get bootInfoAddress(): number {
    return this.ipcBufferAddress + pageSize;
  }
  private get extraAddress(): number {
    return this.bootInfoAddress + pageSize;
  }
  private get virtualEnd(): number {
    return this.extraAddress + (this.extraBits === 0 ? 0 : 2 ** this.extraBits);
  }
  /** How many tables of a level the initial address space needs, beside its root. */
  private tablesOf(tableBits: number): number {
    const size = 2 ** tableBits;
    return Math.ceil(this.virtualEnd / size) - Math.floor(this.image.virtualStart / size);
  }
  private get tableCount(): number {
    return this.tablesOf(sizeBits.hugePage) + this.tablesOf(sizeBits.largePage);
  }

  /** Ranges of RAM and devices that are not free, sorted. */
  private taken(): Region[] {
    return [this.kernelMemory, this.image.physical, ...(this.options.reserved ?? [])]
      .filter(({ start, end }) => start < end)
      .sort((a, b) => a.start - b.start);
  }

  /** Finds the free memory, and the place of the initial objects at the end of it. Returns the root CNode. */
  private layOut(): CNode {
    const { kernel } = this;
    let { start } = this.kernelMemory;
    const end = ramBase + kernel.machine.memory.layout.ramSize;
    for (const taken of this.taken()) {
      if (taken.start > start) this.free.push({ start, end: taken.start });
      start = Math.max(start, taken.end);
    }
    if (start < end) this.free.push({ start, end });

    const cnodeBits = kernel.config.rootCNodeSizeBits + sizeBits.slot;
    const largest = Math.max(cnodeBits, sizeBits.vspace, this.extraBits);
    const size =
      2 ** cnodeBits +
      2 ** sizeBits.tcb +
      pageSize * (4 + this.tableCount) +
      (this.extraBits === 0 ? 0 : 2 ** this.extraBits) +
      2 ** sizeBits.minSchedContext;
    for (let i = this.free.length - 1; i >= 0; i--) {
      const region = this.free[i]!;
      const at = Math.floor((region.end - size) / 2 ** largest) * 2 ** largest;
      if (at < region.start) continue;
      this.free.splice(i, 1, { start: region.start, end: at }, { start: at + size, end: region.end });
      this.allocated = at;
      this.extraPhysical = this.extraBits >= cnodeBits ? this.allocate(this.extraBits) : 0;
      const root = new CNode(this.allocate(cnodeBits), kernel.config.rootCNodeSizeBits, false);
      if (this.extraBits > 0 && this.extraPhysical === 0) this.extraPhysical = this.allocate(this.extraBits);
      return root;
    }
    throw new RangeError(`RAM is too small: the initial objects need ${size} bytes in one piece`);
  }
  private extraPhysical = 0;
  private allocate(bits: number): number {
    const at = this.allocated;
    this.allocated += 2 ** bits;
    return at;
  }

  private slot(index: number): Slot {
    return this.root.slot(index);
  }
  private write(index: number, cap: Capability): Slot {
    const slot = this.slot(index);
    slot.cap = cap;
    slot.revocable = true;
    slot.firstBadged = true;
    return slot;
  }
  private provide(cap: Capability): number {
    if (this.nextSlot >= 2 ** this.root.radix) throw new RangeError('the root CNode has no slot left');
    this.write(this.nextSlot, cap);
    return this.nextSlot++;
  }

  private setInfo(offset: number, value: number): void {
    this.kernel.storeWord(this.biFrame + offset, BigInt(value));
  }
  private setRegion(offset: number, first: number): void {
    this.setInfo(offset, first);
    this.setInfo(offset + 8, this.nextSlot);
  }

  run(): void {
    const { kernel, options } = this;
    const { config } = kernel;
    // In the kernel's memory: a table that maps nothing, of the size and alignment that stage 2 needs.
    kernel.emptyRoot = Math.ceil(this.kernelMemory.start / 0x4000) * 0x4000;
    const rootCap: CNodeCap = {
      type: capType.cNode,
      node: this.root,
      guardSize: wordBits - config.rootCNodeSizeBits,
      guardLow: 0,
      guardHigh: 0,
    };
    const rootSlot = this.write(initialCap.cNode, rootCap);
    this.write(initialCap.domain, { type: capType.domain });
    this.write(initialCap.irqControl, { type: capType.irqControl });
    if (kernel.machine.realms !== undefined) this.write(initialCap.realmControl, { type: capType.realmControl });

    const vspace = this.allocate(sizeBits.vspace);
    const pool = new AsidPool(this.allocate(sizeBits.asidPool));
    const ipcFrame = this.allocate(sizeBits.page);
    this.biFrame = this.allocate(sizeBits.bootInfo);
    this.populateBootInfo();
    const vspaceSlot = this.createAddressSpace(vspace);
    this.space = { address: vspace, guestLevels: 0 };
    pool.roots.push(null, this.space);
    this.write(initialCap.bootInfoFrame, this.mapFrame(this.biFrame, this.bootInfoAddress));
    this.createExtraPages();
    const firstControl = this.nextSlot;
    for (const node of kernel.nodes) this.provide({ type: capType.schedControl, core: node.id });
    this.setRegion(bootInfo.schedControl, firstControl);
    const bufferSlot = this.write(initialCap.ipcBuffer, this.mapFrame(ipcFrame, this.ipcBufferAddress));
    const firstFrame = this.nextSlot;
    const { start, end } = this.image.physical;
    for (let at = start; at < end; at += pageSize) {
      this.provide(this.mapFrame(at, this.image.virtualStart + (at - start)));
    }
    this.setRegion(bootInfo.userImageFrames, firstFrame);
    this.write(initialCap.asidPool, { type: capType.asidPool, pool, base: 0 });
    this.write(initialCap.asidControl, { type: capType.asidControl });
    kernel.asidTable[0] = pool;

    const tcb = new Tcb(this.allocate(sizeBits.tcb), kernel.allocateContext());
    this.createThread(tcb, rootSlot, vspaceSlot, bufferSlot);
    this.createUntypeds();
    this.setInfo(bootInfo.empty, this.nextSlot);
    this.setInfo(bootInfo.empty + 8, 2 ** this.root.radix);
    kernel.nodes[0]!.action = tcb;
    const { initialThread } = options;
    if (initialThread.kind === 'image') {
      tcb.context.pc = BigInt(initialThread.entry);
    } else if (!bindRealm(kernel, tcb, initialThread.number)) {
      throw new RangeError(`there is no realm ${initialThread.number}`);
    }
  }

  private populateBootInfo(): void {
    const { kernel, options } = this;
    this.setInfo(bootInfo.extraLen, this.extraBytes);
    this.setInfo(bootInfo.numNodes, kernel.nodes.length);
    this.setInfo(bootInfo.ipcBuffer, this.ipcBufferAddress);
    this.setInfo(bootInfo.initThreadCNodeSizeBits, kernel.config.rootCNodeSizeBits);
    const { deviceTree } = options;
    if (deviceTree === undefined) return;
    kernel.storeWord(this.extraPhysical, BigInt(bootInfoHeader.fdt));
    kernel.storeWord(this.extraPhysical + 8, BigInt(this.extraBytes));
    const { memory } = kernel.machine;
    memory.u8.set(deviceTree, memory.hostAddress(this.extraPhysical + 16, deviceTree.length));
  }

  private createAddressSpace(vspace: number): Slot {
    const { kernel } = this;
    if (this.virtualEnd >= userTop) throw new RangeError('the image reaches beyond user addresses');
    const root: AsidRoot = { address: vspace, guestLevels: 0 };
    const cap: PageTableCap = {
      type: capType.pageTable,
      address: vspace,
      guestLevels: 0,
      mapped: true,
      asid: initialAsid,
      mappedAddress: 0,
    };
    const slot = this.write(initialCap.vspace, cap);
    this.space = root;
    const first = this.nextSlot;
    for (const bits of [sizeBits.hugePage, sizeBits.largePage]) {
      const size = 2 ** bits;
      const from = Math.floor(this.image.virtualStart / size) * size;
      for (let at = from; at < this.virtualEnd; at += size) {
        const table = this.allocate(sizeBits.pageTable);
        kernel.storeWord(lookupPTSlot(kernel, root, at).address, tableEntry(table));
        this.provide({ ...cap, address: table, mappedAddress: at });
      }
    }
    this.setRegion(bootInfo.userImagePaging, first);
    return slot;
  }

  private mapFrame(physical: number, address: number): FrameCap {
    const { kernel } = this;
    const { address: at } = lookupPTSlot(kernel, this.space, address);
    kernel.storeWord(at, makeUserPTE(physical, true, vmRights.readWrite));
    return {
      type: capType.frame,
      address: physical,
      sizeBits: sizeBits.page,
      rights: vmRights.readWrite,
      device: false,
      asid: initialAsid,
      mappedAddress: address,
    };
  }

  private createExtraPages(): void {
    const first = this.nextSlot;
    for (let offset = 0; offset < this.extraBytes; offset += pageSize) {
      this.provide(this.mapFrame(this.extraPhysical + offset, this.extraAddress + offset));
    }
    if (this.extraBytes > 0) this.setRegion(bootInfo.extraBiPages, first);
  }

  private createThread(tcb: Tcb, rootSlot: Slot, vspaceSlot: Slot, bufferSlot: Slot): void {
    const { kernel } = this;
    kernel.threads.push(tcb);
    const buffer = deriveCap(bufferSlot, bufferSlot.cap);
    if (buffer instanceof SyscallError) throw new Error('a frame can always be copied');
    cteInsert(kernel, rootSlot.cap, rootSlot, tcb.slots.slot(tcbSlot.cTable));
    cteInsert(kernel, vspaceSlot.cap, vspaceSlot, tcb.slots.slot(tcbSlot.vTable));
    cteInsert(kernel, buffer, bufferSlot, tcb.slots.slot(tcbSlot.buffer));
    tcb.ipcBuffer = this.ipcBufferAddress % 2 ** sizeBits.hugePage;
    tcb.context.setX(callRegister.capability, BigInt(this.bootInfoAddress));
    const sc = new SchedContext(this.allocate(sizeBits.minSchedContext), sizeBits.minSchedContext);
    refillNew(kernel, sc, minRefills, kernel.usToTicks(kernel.config.bootThreadTimeSliceUs), 0);
    tcb.schedContext = sc;
    sc.tcb = tcb;
    tcb.priority = maxPriority;
    tcb.maxControlledPriority = maxPriority;
    tcb.state = threadState.running;
    tcb.name = 'rootserver';
    this.write(initialCap.tcb, { type: capType.thread, tcb });
    this.write(initialCap.schedContext, { type: capType.schedContext, schedContext: sc });
  }

  private createUntypeds(): void {
    const first = this.nextSlot;
    const { machine } = this.kernel;
    const ram = { start: this.kernelMemory.start, end: ramBase + machine.memory.layout.ramSize };
    const notDevices = [ram, ...(this.options.kernelDevices ?? kernelDevices)].sort((a, b) => a.start - b.start);
    let start = 0;
    for (const region of notDevices) {
      this.createUntypedsOf(true, { start, end: region.start }, first);
      start = region.end;
    }
    this.createUntypedsOf(true, { start, end: this.options.deviceTop ?? defaultDeviceTop }, first);
    for (const region of this.options.reserved ?? []) this.createUntypedsOf(true, region, first);
    for (const region of this.free) this.createUntypedsOf(false, region, first);
    this.setRegion(bootInfo.untyped, first);
  }

  /** Cuts a region into naturally aligned untypeds, as large as possible. */
  private createUntypedsOf(device: boolean, region: Region, first: number): void {
    let { start } = region;
    while (start < region.end) {
      let bits = sizeBits.maxUntyped;
      while (2 ** bits > region.end - start || start % 2 ** bits !== 0) bits--;
      if (bits >= sizeBits.minUntyped) this.provideUntyped(device, start, bits, first);
      start += 2 ** bits;
    }
  }
  private provideUntyped(device: boolean, address: number, bits: number, first: number): void {
    const index = this.nextSlot - first;
    if (index >= maxBootInfoUntypeds) {
      this.kernel.machine.port.log('too many untyped regions for boot info');
      return;
    }
    const at = bootInfo.untypedList + 16 * index;
    this.setInfo(at, address);
    this.setInfo(at + 8, bits + (device ? 256 : 0));
    // RAM is zero at power-on: what seL4 clears at the first retype is clear already.
    this.provide({ type: capType.untyped, address, sizeBits: bits, device, watermark: 0 });
  }
}
