// Boot: what seL4 hands to the first thread, from RAM as it is at power-on. The order of allocations and of slots is seL4's.

import { pageSize } from '../hw/engine/layout.ts';
import { ramBase } from '../hw/engine/memory.ts';
import { bootInfo, bootInfoHeader, initialCap, numInitialCaps } from './abi/boot-info.ts';
import { maxBootInfoUntypeds, maxPriority, minRefills, sizeBits, userTop, wordBits } from './abi/limits.ts';
import { objectType } from './abi/object-types.ts';
import { callRegister } from './abi/system-calls.ts';
import { lookupPTSlot, makeUserPTE, tableEntry } from './address-space.ts';
import { createObject } from './creation.ts';
import { cteInsert, deriveCap } from './cspace/derivation.ts';
import type { Kernel } from './kernel.ts';
import type { AsidRoot, Cap, Capability, FrameCap, PageTableCap, Slot, UntypedCap } from './objects.ts';
import { AsidPool, CNode, capType, tcbSlot, threadState, vmRights } from './objects.ts';
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
const defaultKernelDevices: readonly Region[] = [
  { start: 0x200_0000, end: 0x220_0000 },
  { start: 0xc00_0000, end: 0xc60_0000 },
];
const defaultDeviceTop = 2 ** 39;
/** Where a realm's IPC buffer and BootInfo are mapped: it has no image to follow. */
const realmImage = { physical: { start: 0, end: 0 }, virtualStart: 0x1_0000 };
const initialAsid = 1;

/** Makes the initial thread and everything it is given. RAM outside the image and `reserved` must be zero. */
export function boot(kernel: Kernel, options: BootOptions): void {
  new Boot(kernel, options).run();
}

/** What is left of a region when others are taken out of it. */
function without(region: Region, taken: readonly Region[]): Region[] {
  const left: Region[] = [];
  let { start } = region;
  const inOrder = taken.filter((other) => other.start < other.end).sort((a, b) => a.start - b.start);
  for (const other of inOrder) {
    if (other.start > start) left.push({ start, end: other.start });
    start = Math.max(start, other.end);
  }
  if (start < region.end) left.push({ start, end: region.end });
  return left;
}

/** Cuts a region into naturally aligned untypeds, as large as possible. */
function* untypedsOf(region: Region, device: boolean): IterableIterator<UntypedCap> {
  let address = region.start;
  while (address < region.end) {
    let bits: number = sizeBits.maxUntyped;
    while (2 ** bits > region.end - address || address % 2 ** bits !== 0) bits--;
    // RAM is zero at power-on: what seL4 clears at the first retype is clear already.
    if (bits >= sizeBits.minUntyped) yield { type: capType.untyped, address, sizeBits: bits, device, watermark: 0 };
    address += 2 ** bits;
  }
}

class Boot {
  private readonly ram: Region;
  private readonly free: Region[];
  /** The first thread's address space, upwards: its image, its IPC buffer, BootInfo, and the extra BootInfo. */
  private readonly image: { physical: Region; virtualStart: number };
  private readonly ipcBufferAddress: number;
  private readonly bootInfoAddress: number;
  private readonly virtualEnd: number;
  /** The extra BootInfo: what is in it, and the memory that it takes; 0 if there is none. */
  private readonly extraBytes: number;
  private readonly extraSize: number;
  private extraPhysical = 0;
  private readonly root: CNode;
  private allocated = 0;
  private nextSlot = numInitialCaps;
  private biFrame = 0;
  private space: AsidRoot = { asid: initialAsid, address: 0, guestLevels: 0 };

  constructor(
    private readonly kernel: Kernel,
    private readonly options: BootOptions,
  ) {
    const { initialThread, deviceTree, kernelMemory = defaultKernelMemory, reserved = [] } = options;
    this.extraBytes = deviceTree === undefined ? 0 : 16 + deviceTree.length;
    this.extraSize = this.extraBytes === 0 ? 0 : pageSize;
    while (this.extraSize < this.extraBytes) this.extraSize *= 2;
    this.image = initialThread.kind === 'image' ? initialThread : realmImage;
    const { physical, virtualStart } = this.image;
    this.ipcBufferAddress = virtualStart + (physical.end - physical.start);
    this.bootInfoAddress = this.ipcBufferAddress + pageSize;
    this.virtualEnd = this.bootInfoAddress + pageSize + this.extraSize;
    if (this.virtualEnd >= userTop) throw new RangeError('the image reaches beyond user addresses');
    this.ram = { start: kernelMemory.start, end: ramBase + kernel.machine.memory.layout.ramSize };
    this.free = without(this.ram, [kernelMemory, physical, ...reserved]);
    this.root = this.placeObjects();
  }

  /** Where the tables of the initial address space begin to map, beside its root: those of the upper level first. */
  private *tables(): IterableIterator<number> {
    for (const bits of [sizeBits.hugePage, sizeBits.largePage]) {
      const size = 2 ** bits;
      for (let at = Math.floor(this.image.virtualStart / size) * size; at < this.virtualEnd; at += size) yield at;
    }
  }

  /** Finds the place of the initial objects at the end of the free memory. Returns the root CNode. */
  private placeObjects(): CNode {
    const { free, extraSize } = this;
    const radix = this.kernel.config.rootCNodeSizeBits;
    const cnodeSize = 2 ** (radix + sizeBits.slot);
    const pages = 4 + [...this.tables()].length;
    const size = cnodeSize + 2 ** sizeBits.tcb + pageSize * pages + extraSize + 2 ** sizeBits.minSchedContext;
    const alignment = Math.max(cnodeSize, pageSize, extraSize);
    const placeIn = ({ end }: Region): number => Math.floor((end - size) / alignment) * alignment;
    const last = free.findLastIndex((region) => placeIn(region) >= region.start);
    if (last < 0) throw new RangeError(`RAM is too small: the initial objects need ${size} bytes in one piece`);
    const { start, end } = free[last]!;
    this.allocated = placeIn({ start, end });
    free.splice(last, 1, { start, end: this.allocated }, { start: this.allocated + size, end });
    if (extraSize >= cnodeSize) this.extraPhysical = this.allocate(extraSize);
    const root = new CNode(this.allocate(cnodeSize), radix, false);
    if (extraSize < cnodeSize) this.extraPhysical = this.allocate(extraSize);
    return root;
  }
  private allocate(size: number): number {
    const at = this.allocated;
    this.allocated += size;
    return at;
  }

  private write(index: number, cap: Capability): Slot {
    const slot = this.root.slot(index);
    slot.cap = cap;
    slot.revocable = true;
    slot.firstBadged = true;
    return slot;
  }
  private setInfo(offset: number, value: number): void {
    this.kernel.storeWord(this.biFrame + offset, BigInt(value));
  }
  /** Puts capabilities into the next slots, and says in BootInfo which these are. */
  private provide(field: number, caps: Iterable<Capability>): void {
    this.setInfo(field, this.nextSlot);
    for (const cap of caps) {
      if (this.nextSlot >= 2 ** this.root.radix) throw new RangeError('the root CNode has no slot left');
      this.write(this.nextSlot++, cap);
    }
    this.setInfo(field + 8, this.nextSlot);
  }

  run(): void {
    const { kernel, root } = this;
    // In the kernel's memory: a table that maps nothing, of the size and alignment that stage 2 needs.
    kernel.emptyRoot = Math.ceil(this.ram.start / 0x4000) * 0x4000;
    const guard = { guardSize: wordBits - root.radix, guardLow: 0, guardHigh: 0 };
    const rootSlot = this.write(initialCap.cNode, { type: capType.cNode, node: root, ...guard });
    this.write(initialCap.domain, { type: capType.domain });
    this.write(initialCap.irqControl, { type: capType.irqControl });
    if (kernel.machine.realms !== undefined) this.write(initialCap.realmControl, { type: capType.realmControl });

    const vspace = this.allocate(pageSize);
    const pool = new AsidPool(this.allocate(pageSize), sizeBits.asidPool);
    const ipcFrame = this.allocate(pageSize);
    this.biFrame = this.allocate(pageSize);
    this.populateBootInfo();
    this.space = { asid: initialAsid, address: vspace, guestLevels: 0 };
    pool.roots[initialAsid] = this.space;
    const table = createObject(kernel, objectType.pageTable, vspace, 0, false) as PageTableCap;
    const vspaceSlot = this.write(initialCap.vspace, { ...table, mapped: true, asid: initialAsid });
    this.provide(bootInfo.userImagePaging, this.createTables());
    this.write(initialCap.bootInfoFrame, this.mapFrame(this.biFrame, this.bootInfoAddress));
    if (this.extraBytes > 0) {
      const extra = { start: this.extraPhysical, end: this.extraPhysical + this.extraBytes };
      this.provide(bootInfo.extraBiPages, this.mapFrames(extra, this.bootInfoAddress + pageSize));
    }
    const controls = kernel.nodes.map(({ id }) => ({ type: capType.schedControl, core: id }));
    this.provide(bootInfo.schedControl, controls);
    const bufferSlot = this.write(initialCap.ipcBuffer, this.mapFrame(ipcFrame, this.ipcBufferAddress));
    this.provide(bootInfo.userImageFrames, this.mapFrames(this.image.physical, this.image.virtualStart));
    this.write(initialCap.asidPool, { type: capType.asidPool, pool, base: 0 });
    this.write(initialCap.asidControl, { type: capType.asidControl });
    kernel.asidTable[0] = pool;

    this.createThread(rootSlot, vspaceSlot, bufferSlot);
    this.createUntypeds();
    this.setInfo(bootInfo.empty, this.nextSlot);
    this.setInfo(bootInfo.empty + 8, 2 ** root.radix);
  }

  private populateBootInfo(): void {
    const { kernel, options } = this;
    this.setInfo(bootInfo.extraLen, this.extraBytes);
    this.setInfo(bootInfo.numNodes, kernel.nodes.length);
    this.setInfo(bootInfo.ipcBuffer, this.ipcBufferAddress);
    this.setInfo(bootInfo.initThreadCNodeSizeBits, this.root.radix);
    const { deviceTree } = options;
    if (deviceTree === undefined) return;
    kernel.storeWord(this.extraPhysical, BigInt(bootInfoHeader.fdt));
    kernel.storeWord(this.extraPhysical + 8, BigInt(this.extraBytes));
    const { memory } = kernel.machine;
    memory.u8.set(deviceTree, memory.hostAddress(this.extraPhysical + 16, deviceTree.length));
  }

  private *createTables(): IterableIterator<PageTableCap> {
    const { kernel } = this;
    for (const mappedAddress of this.tables()) {
      const address = this.allocate(pageSize);
      kernel.storeWord(lookupPTSlot(kernel, this.space, mappedAddress).address, tableEntry(address));
      const table = createObject(kernel, objectType.pageTable, address, 0, false) as PageTableCap;
      yield { ...table, mapped: true, asid: initialAsid, mappedAddress };
    }
  }

  private mapFrame(physical: number, mappedAddress: number): FrameCap {
    const { kernel } = this;
    const { address } = lookupPTSlot(kernel, this.space, mappedAddress);
    kernel.storeWord(address, makeUserPTE(physical, true, vmRights.readWrite));
    const frame = createObject(kernel, objectType.page, physical, 0, false) as FrameCap;
    return { ...frame, asid: initialAsid, mappedAddress };
  }
  private *mapFrames({ start, end }: Region, mappedAddress: number): IterableIterator<FrameCap> {
    for (let at = start; at < end; at += pageSize) yield this.mapFrame(at, mappedAddress + (at - start));
  }

  private createThread(rootSlot: Slot, vspaceSlot: Slot, bufferSlot: Slot): void {
    const { kernel } = this;
    const { initialThread } = this.options;
    const threadCap = createObject(kernel, objectType.tcb, this.allocate(2 ** sizeBits.tcb), 0, false) as Cap<'thread'>;
    const { tcb } = threadCap;
    const buffer = deriveCap(bufferSlot, bufferSlot.cap);
    if (buffer instanceof SyscallError) throw new Error('a frame can always be copied');
    cteInsert(kernel, rootSlot.cap, rootSlot, tcb.slots.slot(tcbSlot.cTable));
    cteInsert(kernel, vspaceSlot.cap, vspaceSlot, tcb.slots.slot(tcbSlot.vTable));
    cteInsert(kernel, buffer, bufferSlot, tcb.slots.slot(tcbSlot.buffer));
    tcb.ipcBuffer = this.ipcBufferAddress % 2 ** sizeBits.hugePage;
    tcb.context.setX(callRegister.capability, BigInt(this.bootInfoAddress));
    const bits = sizeBits.minSchedContext;
    const scCap = createObject(
      kernel,
      objectType.schedContext,
      this.allocate(2 ** bits),
      bits,
      false,
    ) as Cap<'schedContext'>;
    const sc = scCap.schedContext;
    refillNew(kernel, sc, minRefills, kernel.usToTicks(kernel.config.bootThreadTimeSliceUs), 0);
    tcb.schedContext = sc;
    sc.tcb = tcb;
    tcb.priority = maxPriority;
    tcb.maxControlledPriority = maxPriority;
    tcb.state = threadState.running;
    tcb.name = 'rootserver';
    this.write(initialCap.tcb, threadCap);
    this.write(initialCap.schedContext, scCap);
    kernel.nodes[0]!.action = tcb;
    if (initialThread.kind === 'image') {
      tcb.context.pc = BigInt(initialThread.entry);
    } else if (!bindRealm(kernel, tcb, initialThread.number)) {
      throw new RangeError(`there is no realm ${initialThread.number}`);
    }
  }

  /** Of device memory, of what is reserved, and of the free memory. */
  private createUntypeds(): void {
    const { deviceTop = defaultDeviceTop, kernelDevices = defaultKernelDevices, reserved = [] } = this.options;
    const devices = [...without({ start: 0, end: deviceTop }, [this.ram, ...kernelDevices]), ...reserved];
    const untypeds = [
      ...devices.flatMap((region) => [...untypedsOf(region, true)]),
      ...this.free.flatMap((region) => [...untypedsOf(region, false)]),
    ];
    if (untypeds.length > maxBootInfoUntypeds) {
      this.kernel.machine.port.log('too many untyped regions for boot info');
      untypeds.length = maxBootInfoUntypeds;
    }
    untypeds.forEach(({ address, sizeBits: bits, device }, index) => {
      this.setInfo(bootInfo.untypedList + 16 * index, address);
      this.setInfo(bootInfo.untypedList + 16 * index + 8, bits + (device ? 256 : 0));
    });
    this.provide(bootInfo.untyped, untypeds);
  }
}
