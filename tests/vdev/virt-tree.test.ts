import { describe, expect, it } from 'vitest';
import { cellsOf, findNode, stringsOf, writeFdt } from '../../vdev/fdt.ts';
import { readFdt } from '../../vdev/fdt-reader.ts';
import { type VirtTreeOptions, virtTree } from '../../vdev/virt-tree.ts';

const bare: VirtTreeOptions = {
  kind: 'bare',
  harts: 4,
  ramBytes: 2 ** 30,
  bootargs: 'console=ttyS0',
  initrd: { start: 0x8400_0000, end: 0x8500_0000 },
  virtioSlots: [0, 1, 2, 3, 4, 5, 6, 7],
  uart: true,
  rtc: true,
  finisher: true,
};
const guest: VirtTreeOptions = {
  kind: 'guest',
  harts: 2,
  ramBytes: 256 * 2 ** 20,
  virtioSlots: [0, 2],
  uart: false,
  rtc: false,
  finisher: false,
};

function build(options: VirtTreeOptions) {
  const result = readFdt(writeFdt(virtTree(options)));
  if ('error' in result) throw new Error(result.error.message);
  const at = (path: string) => {
    const found = findNode(result.tree, path);
    if (found === undefined) throw new Error(`no node ${path}`);
    return found;
  };
  return { tree: result.tree, at };
}

describe('device tree of the virt machine', () => {
  it.each([
    ['test@100000', [0, 0x10_0000, 0, 0x1000], undefined],
    ['rtc@101000', [0, 0x10_1000, 0, 0x1000], [11]],
    ['serial@10000000', [0, 0x1000_0000, 0, 0x100], [10]],
    ['virtio_mmio@10001000', [0, 0x1000_1000, 0, 0x1000], [1]],
    ['virtio_mmio@10008000', [0, 0x1000_8000, 0, 0x1000], [8]],
    ['plic@c000000', [0, 0xc00_0000, 0, 0x60_0000], undefined],
    ['clint@2000000', [0, 0x200_0000, 0, 0x1_0000], undefined],
  ])('places %s where QEMU does', (name, reg, interrupts) => {
    const found = build(bare).at(`/soc/${name}`);
    expect(cellsOf(found, 'reg')).toEqual(reg);
    expect(cellsOf(found, 'interrupts')).toEqual(interrupts);
  });

  it('wires CLINT and PLIC to the M and S contexts of every hart in order', () => {
    const { at } = build(bare);
    const intc = [0, 1, 2, 3].map((hart) => cellsOf(at(`/cpus/cpu@${hart}/interrupt-controller`), 'phandle')![0]!);
    expect(new Set(intc).size).toBe(4);
    expect(cellsOf(at('/soc/plic@c000000'), 'interrupts-extended')).toEqual(intc.flatMap((p) => [p, 11, p, 9]));
    expect(cellsOf(at('/soc/clint@2000000'), 'interrupts-extended')).toEqual(intc.flatMap((p) => [p, 3, p, 7]));
    expect(cellsOf(at('/soc/plic@c000000'), 'riscv,ndev')).toEqual([95]);
  });

  it('gives every phandle once and refers to none that is missing', () => {
    const phandles: number[] = [];
    const used: number[] = [];
    const visit = (node: ReturnType<ReturnType<typeof build>['at']>): void => {
      phandles.push(...(cellsOf(node, 'phandle') ?? []));
      for (const name of ['interrupt-parent', 'regmap', 'cpu']) used.push(...(cellsOf(node, name) ?? []));
      node.children.forEach(visit);
    };
    visit(build(bare).tree.root);
    expect(new Set(phandles).size).toBe(phandles.length);
    for (const phandle of used) expect(phandles).toContain(phandle);
  });

  it('describes the harts by ISA string, base and extension list', () => {
    const cpu = build(bare).at('/cpus/cpu@3');
    expect(stringsOf(cpu, 'riscv,isa')).toEqual([
      'rv64imafdch_zicntr_zicsr_zifencei_zihpm_zba_zbb_zbs_sstc_svadu_svinval_svnapot',
    ]);
    expect(stringsOf(cpu, 'riscv,isa-base')).toEqual(['rv64i']);
    expect(stringsOf(cpu, 'riscv,isa-extensions')!.slice(0, 8)).toEqual(['i', 'm', 'a', 'f', 'd', 'c', 'h', 'zicntr']);
    expect(stringsOf(cpu, 'mmu-type')).toEqual(['riscv,sv57']);
  });

  it('hands over boot arguments, initrd and console', () => {
    const chosen = build(bare).at('/chosen');
    expect(stringsOf(chosen, 'bootargs')).toEqual(['console=ttyS0']);
    expect(cellsOf(chosen, 'linux,initrd-start')).toEqual([0, 0x8400_0000]);
    expect(cellsOf(chosen, 'linux,initrd-end')).toEqual([0, 0x8500_0000]);
    expect(stringsOf(chosen, 'stdout-path')).toEqual(['/soc/serial@10000000']);
  });

  it('shows a virtual machine only what it has: no CLINT, S contexts, no H', () => {
    const { tree, at } = build(guest);
    expect(findNode(tree, '/soc')!.children.map(({ name }) => name)).toEqual([
      'virtio_mmio@10001000',
      'virtio_mmio@10003000',
      'plic@c000000',
    ]);
    const intc = [0, 1].map((hart) => cellsOf(at(`/cpus/cpu@${hart}/interrupt-controller`), 'phandle')![0]!);
    expect(cellsOf(at('/soc/plic@c000000'), 'interrupts-extended')).toEqual(intc.flatMap((p) => [p, 9]));
    expect(stringsOf(at('/cpus/cpu@0'), 'riscv,isa')![0]).toMatch(/^rv64imafdc_/);
    expect(findNode(tree, '/poweroff')).toBeUndefined();
    expect(cellsOf(at('/memory@80000000'), 'reg')).toEqual([0, 0x8000_0000, 0, 0x1000_0000]);
  });
});
