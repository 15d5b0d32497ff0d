// The device tree of QEMU's `virt` machine, for a bare machine and for a virtual machine.

import { cells64, type FdtNode, type FdtTree, node } from './fdt.ts';
import { plicSources, timebaseHz, uartClockHz, virtioSlot, virtMap } from './virt-map.ts';

/** Extensions of a hart, in the order that ISA strings want: single letters, Z by category, S. */
export const machineExtensions = [
  ...['i', 'm', 'a', 'f', 'd', 'c', 'h'],
  ...['zicntr', 'zicsr', 'zifencei', 'zihpm', 'zba', 'zbb', 'zbs'],
  ...['sstc', 'svadu', 'svinval', 'svnapot'],
];

/** A virtual machine's harts: no hypervisor inside it. */
export const guestExtensions = machineExtensions.filter((name) => name !== 'h');

export interface VirtTreeOptions {
  /** 'bare': M-mode firmware below (CLINT, PLIC contexts for M and S). 'guest': a virtual machine (SBI below, S only). */
  kind: 'bare' | 'guest';
  harts: number;
  ramBytes: number;
  /** Default: 0x80000000. */
  ramBase?: number;
  bootargs?: string;
  initrd?: { start: number; end: number };
  /** Seed of the guest's random number generator; from the manifest's seed. */
  rngSeed?: Uint8Array;
  extensions?: readonly string[];
  mmuType?: 'riscv,sv39' | 'riscv,sv48' | 'riscv,sv57';
  timebaseHz?: number;
  /** Slots that hold a device, or all that exist if the guest may probe: 0 to 7. */
  virtioSlots: readonly number[];
  uart: boolean;
  rtc: boolean;
  finisher: boolean;
}

const interrupt = { machineSoftware: 3, machineTimer: 7, supervisorExternal: 9, machineExternal: 11 };
const plicPhandle = 1;
const finisherPhandle = 2;

function interruptControllerPhandle(hart: number): number {
  return 3 + 2 * hart;
}

function cpuPhandle(hart: number): number {
  return 4 + 2 * hart;
}

export function virtTree(options: VirtTreeOptions): FdtTree {
  const ramBase = options.ramBase ?? virtMap.ram.base;
  const root = node(
    '',
    { '#address-cells': 2, '#size-cells': 2, compatible: 'riscv-virtio', model: 'microvisor,virt' },
    [
      chosen(options),
      node(`memory@${ramBase.toString(16)}`, {
        device_type: 'memory',
        reg: [...cells64(ramBase), ...cells64(options.ramBytes)],
      }),
      cpus(options),
      ...(options.finisher ? [syscon('poweroff', 0x5555), syscon('reboot', 0x7777)] : []),
      node('soc', { '#address-cells': 2, '#size-cells': 2, compatible: 'simple-bus', ranges: true }, soc(options)),
    ],
  );
  return { root, bootHart: 0, reservations: [] };
}

function chosen({ bootargs, initrd, rngSeed, uart }: VirtTreeOptions): FdtNode {
  return node('chosen', {
    ...(bootargs === undefined ? {} : { bootargs }),
    ...(initrd === undefined
      ? {}
      : { 'linux,initrd-start': cells64(initrd.start), 'linux,initrd-end': cells64(initrd.end) }),
    ...(rngSeed === undefined ? {} : { 'rng-seed': rngSeed }),
    ...(uart ? { 'stdout-path': `/soc/serial@${virtMap.uart.base.toString(16)}` } : {}),
  });
}

function cpus(options: VirtTreeOptions): FdtNode {
  const extensions = options.extensions ?? (options.kind === 'bare' ? machineExtensions : guestExtensions);
  const single = extensions.filter((name) => name.length === 1).join('');
  const named = extensions.filter((name) => name.length > 1);
  const harts = Array.from({ length: options.harts }, (_, hart) => hart);
  const cpu = (hart: number): FdtNode =>
    node(
      `cpu@${hart.toString(16)}`,
      {
        phandle: cpuPhandle(hart),
        device_type: 'cpu',
        reg: hart,
        status: 'okay',
        compatible: 'riscv',
        'riscv,isa': [`rv64${single}`, ...named].join('_'),
        'riscv,isa-base': 'rv64i',
        'riscv,isa-extensions': extensions,
        'mmu-type': options.mmuType ?? 'riscv,sv57',
      },
      [
        node('interrupt-controller', {
          '#interrupt-cells': 1,
          'interrupt-controller': true,
          compatible: 'riscv,cpu-intc',
          phandle: interruptControllerPhandle(hart),
        }),
      ],
    );
  const cores = harts.map((hart) => node(`core${hart}`, { cpu: cpuPhandle(hart) }));
  return node(
    'cpus',
    { '#address-cells': 1, '#size-cells': 0, 'timebase-frequency': options.timebaseHz ?? timebaseHz },
    [...harts.map(cpu), node('cpu-map', {}, [node('cluster0', {}, cores)])],
  );
}

/** A register of the finisher that a generic driver writes to power off or reboot. */
function syscon(action: 'poweroff' | 'reboot', value: number): FdtNode {
  return node(action, { value, offset: 0, regmap: finisherPhandle, compatible: `syscon-${action}` });
}

function soc(options: VirtTreeOptions): FdtNode[] {
  const bare = options.kind === 'bare';
  const toHarts = (...interrupts: number[]): number[] =>
    Array.from({ length: options.harts }, (_, hart) =>
      interrupts.flatMap((number) => [interruptControllerPhandle(hart), number]),
    ).flat();
  const nodes: FdtNode[] = [];
  if (options.finisher) {
    nodes.push(
      node(`test@${virtMap.finisher.base.toString(16)}`, {
        phandle: finisherPhandle,
        reg: reg(virtMap.finisher),
        compatible: ['sifive,test1', 'sifive,test0', 'syscon'],
      }),
    );
  }
  if (options.rtc) {
    nodes.push(
      node(`rtc@${virtMap.rtc.base.toString(16)}`, {
        ...wired(virtMap.rtc.irq),
        reg: reg(virtMap.rtc),
        compatible: 'google,goldfish-rtc',
      }),
    );
  }
  if (options.uart) {
    nodes.push(
      node(`serial@${virtMap.uart.base.toString(16)}`, {
        ...wired(virtMap.uart.irq),
        'clock-frequency': uartClockHz,
        reg: reg(virtMap.uart),
        compatible: 'ns16550a',
      }),
    );
  }
  for (const slot of options.virtioSlots) {
    const window = virtioSlot(slot);
    nodes.push(
      node(`virtio_mmio@${window.base.toString(16)}`, {
        ...wired(window.irq),
        reg: reg(window),
        compatible: 'virtio,mmio',
      }),
    );
  }
  nodes.push(
    node(`plic@${virtMap.plic.base.toString(16)}`, {
      phandle: plicPhandle,
      'riscv,ndev': plicSources,
      reg: reg(virtMap.plic),
      'interrupts-extended': bare
        ? toHarts(interrupt.machineExternal, interrupt.supervisorExternal)
        : toHarts(interrupt.supervisorExternal),
      'interrupt-controller': true,
      compatible: ['sifive,plic-1.0.0', 'riscv,plic0'],
      '#address-cells': 0,
      '#interrupt-cells': 1,
    }),
  );
  if (bare) {
    nodes.push(
      node(`clint@${virtMap.clint.base.toString(16)}`, {
        'interrupts-extended': toHarts(interrupt.machineSoftware, interrupt.machineTimer),
        reg: reg(virtMap.clint),
        compatible: ['sifive,clint0', 'riscv,clint0'],
      }),
    );
  }
  return nodes;
}

function reg({ base, size }: { base: number; size: number }): number[] {
  return [...cells64(base), ...cells64(size)];
}

function wired(irq: number): { interrupts: number; 'interrupt-parent': number } {
  return { interrupts: irq, 'interrupt-parent': plicPhandle };
}
