// Starts a seL4 kernel with a root task on QEMU: a loader of a few instructions stands in for seL4's own. What it does is what
// the kernel expects of it (seL4, src/arch/riscv/head.S): the kernel mapped, the root task in one physical piece.

import { assemble } from '../../hw/isa/assemble.ts';
import type { ElfImage, ElfSegment } from '../image/elf.ts';
import { writeElf } from '../image/elf-writer.ts';
import { Refusal } from '../refusal.ts';

/** Where the loader lies, and behind it the root task: any RAM that neither firmware nor kernel uses. */
const loaderBase = 0x8800_0000n;
const taskBase = 0x8801_0000n;
const gigapage = 1n << 30n;

/** What to do about a kernel that the benchmarks do not run on. */
export const suitableKernel =
  'take the kernel.elf of seL4 16.0.0 (MCS, 64 bits) for qemu-riscv-virt, a release build for one hart';

/** A leaf of an Sv39 root table: valid, readable, writable, executable, accessed, dirty. */
const leaf = (address: bigint): bigint => (((address / gigapage) * gigapage) >> 2n) | 0xcfn;
const indexOf = (address: bigint): number => Number((address >> 30n) & 511n);

/** Where a kernel begins. Throws a Refusal if it is no seL4: that lies in the upper half of addresses, gigapages from its RAM. */
export function firstSegment({ segments }: ElfImage): ElfSegment {
  const first = segments[0];
  if (first && first.virtualAddress >> 63n && (first.virtualAddress - first.physicalAddress) % gigapage === 0n)
    return first;
  throw new Refusal('refused', 'this is no seL4 kernel for RV64 that the loader can map', suitableKernel);
}

/** The loader with the root task as an ELF that QEMU starts; the kernel's own ELF is to be loaded beside it. */
export function sel4Loader(kernel: ElfImage, task: ElfImage): Uint8Array {
  const first = firstSegment(kernel);
  const table = new BigUint64Array(512);
  table[indexOf(loaderBase)] = leaf(loaderBase);
  table[indexOf(first.virtualAddress)] = leaf(first.physicalAddress);

  const starts = task.segments.map(({ virtualAddress }) => virtualAddress);
  const ends = task.segments.map(({ virtualAddress, memorySize }) => virtualAddress + BigInt(memorySize));
  const start = starts.reduce((a, b) => (a < b ? a : b));
  const end = ends.reduce((a, b) => (a > b ? a : b));
  const source = `
    la t0, table
    srli t0, t0, 12
    li t1, 8 << 60                      # Sv39
    or t0, t0, t1
    sfence.vma
    csrw satp, t0
    li a0, ${taskBase}                  # where the task lies, and how far from where it is seen
    li a1, ${taskBase + ((end - start + 0xfffn) & ~0xfffn)}
    li a2, ${taskBase - start}
    li a3, ${task.entry}
    li a4, 0                            # no device tree
    li a5, 0
    li t0, ${kernel.entry}
    jr t0
    .balign 4096
table: .dword ${[...table].join(', ')}`;
  const { bytes, symbols } = assemble(source, { origin: loaderBase, file: 'loader.s' });
  const segments = [
    { address: loaderBase, bytes },
    ...task.segments.map(({ virtualAddress, bytes: content }) => ({
      address: taskBase + virtualAddress - start,
      bytes: content,
    })),
  ];
  return writeElf({ segments, entry: loaderBase, symbols });
}
