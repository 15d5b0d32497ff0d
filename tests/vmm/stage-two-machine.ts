// A machine whose resident supervisor does no more than the kernel does for a virtual machine: contexts in VS-mode over
// stage-2 tables built by hand, and every trap handed to the monitor's logic through its port.

import { signalDevices } from '../../guests/vmm/board.ts';
import { bootVm } from '../../guests/vmm/boot.ts';
import type { Exit } from '../../guests/vmm/exit.ts';
import { handleExit } from '../../guests/vmm/exits.ts';
import type { Ending, MonitorPort, VcpuEntry } from '../../guests/vmm/monitor-port.ts';
import { type Vm, type VmConfig, vmState } from '../../guests/vmm/vm.ts';
import { ramBase } from '../../hw/engine/memory.ts';
import { updateFpOff } from '../../hw/hart/floating-point.ts';
import type { Hart, Supervisor } from '../../hw/hart/hart.ts';
import { resetContext } from '../../hw/hart/reset.ts';
import { Machine } from '../../hw/machine/machine.ts';
import type { VcpuRegister } from '../../microvisor/abi/extensions.ts';
import { FakeChannels } from './fake-channels.ts';

const megapage = 2 ** 21;
/** Where the tables lie, and where guest RAM begins: not where the guest believes. */
const tables = ramBase;
const guestAt = ramBase + 4 * megapage;

const hedeleg = 0xb15dn;
const interrupts = 0x444n;
/** mstatus.FS: the guest decides with its own. */
const floatingPoint = 3n << 13n;
const everything = 0xffff_ffff_ffff_ffffn;

export class StageTwoMachine implements Supervisor {
  readonly mode = 'HS';
  readonly machine: Machine;
  readonly channels = new FakeChannels();
  readonly vm: Vm;
  ending: Ending | undefined;
  /** Exits so far, by cause. */
  readonly exits = new Map<number, number>();
  /** Host time in exits; the clock is the caller's. */
  exitTime = 0;
  private readonly stopped: boolean[];

  constructor(
    readonly config: VmConfig,
    private readonly clock: () => number = () => 0,
  ) {
    const { vcpus, ram } = config;
    this.machine = new Machine({ harts: vcpus, ramSize: guestAt - ramBase + ram.bytes, supervisor: this });
    this.stopped = new Array<boolean>(vcpus).fill(true);
    this.buildTables();
    for (const hart of this.machine.harts) {
      this.reset(hart);
      hart.context.set('waiting', 1);
    }
    this.vm = { config, state: vmState(config), port: this.port() };
  }

  boot(): void {
    bootVm(this.vm);
  }

  /** Bytes for a stream, or a message; the monitor is signalled. */
  input(channel: number, bytes: Uint8Array): void {
    this.channels.deliver(channel, bytes);
    signalDevices(this.vm, [channel]);
  }

  /** Puts bytes where the guest finds them at `address`. */
  load(address: number, bytes: Uint8Array): void {
    this.machine.writeMemory(this.physical(address), bytes);
  }

  trap(hart: Hart, cause: number, interrupt: boolean): void {
    if (interrupt) throw new Error(`the host has no interrupts, and ${cause} came`);
    const began = this.clock();
    const { context } = hart;
    this.exits.set(cause, (this.exits.get(cause) ?? 0) + 1);
    const exit: Exit = {
      vcpu: hart.id,
      cause,
      htval: hart.tval2,
      htinst: hart.tinst,
      stval: hart.tval,
      pc: context.pc,
      x: Array.from({ length: 32 }, (_, index) => BigInt.asUintN(64, context.x(index))),
      written: 0,
    };
    const disposition = handleExit(this.vm, exit);
    context.pc = exit.pc;
    for (let index = 1; index <= exit.written; index++) context.setX(index, BigInt.asIntN(64, exit.x[index]!));
    context.bankEpoch = -1;
    if (disposition === 'stop') this.stop(hart);
    else if (disposition === 'wait') context.set('waiting', 1);
    if (this.ending) this.machine.stop();
    this.exitTime += this.clock() - began;
  }

  private stop(hart: Hart): void {
    this.stopped[hart.id] = true;
    this.reset(hart);
    hart.context.set('waiting', 1);
  }

  private reset(hart: Hart): void {
    const { context } = hart;
    resetContext(context, { pc: 0n, privilege: 1, virtual: true, supervisor: 'HS' });
    context.setCsr('mstatus', context.csr('mstatus') | floatingPoint);
    context.setCsr('hedeleg', hedeleg);
    context.setCsr('hideleg', interrupts);
    context.setCsr('hcounteren', 7n);
    context.setCsr('hgatp', (8n << 60n) | (1n << 44n) | BigInt(tables >>> 12));
  }

  /** Where guest physical memory really is. */
  physical(address: number): number {
    return address - this.config.ram.base + guestAt;
  }

  /** Sv39x4 with 2 MiB pages: a root of 16 KiB, then one table for each GiB. */
  private buildTables(): void {
    const { ram } = this.config;
    const entry = (at: number, value: bigint): void => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, value, true);
      this.machine.writeMemory(at, bytes);
    };
    const leaf = 0xdfn; // D A U X W R V
    for (let offset = 0; offset < ram.bytes; offset += megapage) {
      const address = ram.base + offset;
      const gigabyte = Math.floor(address / 2 ** 30);
      const table = tables + 0x4000 + 0x1000 * (gigabyte - Math.floor(ram.base / 2 ** 30));
      entry(tables + 8 * gigabyte, (BigInt(table >>> 12) << 10n) | 1n);
      const index = Math.floor(address / megapage) & 511;
      entry(table + 8 * index, (BigInt(Math.floor(this.physical(address) / 4096)) << 10n) | leaf);
    }
  }

  private port(): MonitorPort {
    const { machine, channels } = this;
    const hartOf = (vcpu: number): Hart => machine.harts[vcpu]!;
    return {
      ...channels.port(),
      nowNs: () => machine.nowNs,
      readRam: (address, length) => machine.readMemory(this.physical(address), length)!,
      writeRam: (address, bytes) => void machine.writeMemory(this.physical(address), bytes),
      readVcpu: (vcpu, register) => this.readVcpu(hartOf(vcpu), register),
      writeVcpu: (vcpu, register, value) => this.writeVcpu(hartOf(vcpu), register, value),
      inject: (vcpu, set, clear) => {
        const { context } = hartOf(vcpu);
        context.setCsr('hvip', (context.csr('hvip') & ~BigInt(clear)) | BigInt(set));
      },
      fence: (_vcpu, kind, address, asid) => {
        if (kind !== 0) return;
        const where = {
          ...(address !== everything && { address }),
          ...(asid !== everything && { asid: Number(asid) }),
        };
        for (const hart of machine.harts) {
          machine.engine.fence(hart, { stage: 'first', virtual: true, vmid: 1, ...where });
        }
      },
      start: (vcpu, entry) => this.start(hartOf(vcpu), entry),
      end: (ending) => {
        this.ending = ending;
      },
    };
  }

  private start(hart: Hart, { pc, a0, a1 }: VcpuEntry): void {
    const { context } = hart;
    if (!this.stopped[hart.id]) throw new Error(`vCPU ${hart.id} is running`);
    this.stopped[hart.id] = false;
    context.pc = pc;
    context.setX(10, BigInt.asIntN(64, a0));
    context.setX(11, BigInt.asIntN(64, a1));
    context.set('waiting', 0);
    context.bankEpoch = -1;
  }

  private readVcpu({ context }: Hart, register: VcpuRegister): bigint {
    if (register === 'privilege') return BigInt(context.get('privilege'));
    if (register === 'vsie') return (context.csr('mie') & interrupts) >> 1n;
    if (register === 'time') return BigInt(Math.floor(this.machine.nowNs / 100));
    return context.csr(register);
  }

  private writeVcpu(hart: Hart, register: VcpuRegister, value: bigint): void {
    const { context } = hart;
    if (register === 'privilege') context.set('privilege', Number(value));
    else if (register === 'vsie') context.setCsr('mie', (value << 1n) & interrupts);
    else if (register !== 'time') context.setCsr(register, value);
    updateFpOff(context);
    context.bankEpoch = -1;
  }
}
