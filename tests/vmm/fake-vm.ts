// A virtual machine without a machine: RAM is an array, vCPU registers are maps, and what the monitor asks of the kernel is
// remembered.

import { loadDevice, storeDevice } from '../../guests/vmm/board.ts';
import type { Disposition, Exit } from '../../guests/vmm/exit.ts';
import { handleExit } from '../../guests/vmm/exits.ts';
import type { Ending, MonitorPort, VcpuEntry } from '../../guests/vmm/monitor-port.ts';
import { type Slot, type Vm, type VmConfig, vmState } from '../../guests/vmm/vm.ts';
import type { VcpuRegister } from '../../microvisor/abi/extensions.ts';
import { virtioSlot } from '../../vdev/virt-map.ts';
import type { VirtioDevice } from '../../vdev/virtio/transport.ts';
import { Driver } from '../vdev/virtio/driver.ts';
import { FakeChannels } from './fake-channels.ts';

export const ramBase = 0x8000_0000;
const ramBytes = 0x10_0000;
const everything = 0xffff_ffff_ffff_ffffn;

export const plainConfig: VmConfig = {
  name: 'vm',
  vcpus: 2,
  ram: { base: ramBase, bytes: ramBytes },
  entry: ramBase + 0x1000,
  initrd: null,
  treeAt: ramBase + 0xe_0000,
  bootargs: 'quiet',
  timebaseHz: 10_000_000,
  seed: 7,
  epochSeconds: 1_000_000,
  devices: [{ virtio: 'console', channel: 0 }],
  ports: [],
  channels: [{ number: 0, name: 'tty', type: 'stream', sends: true, receives: true, messageBytes: 0 }],
};

export class FakeVm {
  readonly ram = new Uint8Array(ramBytes);
  readonly channels = new FakeChannels();
  readonly vm: Vm;
  readonly registers: Map<VcpuRegister, bigint>[];
  readonly fences: { vcpu: number; kind: number; address: bigint; asid: bigint }[] = [];
  readonly started: { vcpu: number; entry: VcpuEntry }[] = [];
  readonly endings: Ending[] = [];
  nowNs = 0;

  constructor(config: Partial<VmConfig> = {}) {
    const whole = { ...plainConfig, ...config };
    this.registers = Array.from({ length: whole.vcpus }, () => new Map([['privilege', 1n]]));
    this.vm = { config: whole, state: vmState(whole), port: this.port() };
  }

  private port(): MonitorPort {
    const inside = (address: number, length: number): number => {
      const at = address - ramBase;
      if (at < 0 || length < 0 || at + length > ramBytes)
        throw new Error(`the monitor leaves RAM: ${address} +${length}`);
      return at;
    };
    const registersOf = (vcpu: number): Map<VcpuRegister, bigint> => {
      const found = this.registers[vcpu];
      if (found === undefined) throw new Error(`there is no vCPU ${vcpu}`);
      return found;
    };
    return {
      ...this.channels.port(),
      nowNs: () => this.nowNs,
      readRam: (address, length) => {
        const at = inside(address, length);
        return this.ram.slice(at, at + length);
      },
      writeRam: (address, bytes) => this.ram.set(bytes, inside(address, bytes.length)),
      readVcpu: (vcpu, register) => registersOf(vcpu).get(register) ?? 0n,
      writeVcpu: (vcpu, register, value) => {
        if (value < 0n || value > everything) throw new Error(`${register} cannot hold ${value}`);
        registersOf(vcpu).set(register, value);
      },
      inject: (vcpu, set, clear) => {
        const registers = registersOf(vcpu);
        registers.set('hvip', ((registers.get('hvip') ?? 0n) & ~BigInt(clear)) | BigInt(set));
      },
      fence: (vcpu, kind, address, asid) => void this.fences.push({ vcpu, kind, address, asid }),
      start: (vcpu, entry) => {
        registersOf(vcpu);
        this.started.push({ vcpu, entry });
      },
      end: (ending) => void this.endings.push(ending),
    };
  }

  register(vcpu: number, name: VcpuRegister): bigint {
    return this.registers[vcpu]!.get(name) ?? 0n;
  }

  exit(fields: Partial<Exit> & { cause: number }): Exit {
    const x = Array.from({ length: 32 }, (_, index) => BigInt(index) * 0x1111n);
    return { vcpu: 0, htval: 0n, htinst: 0n, stval: 0n, pc: 0x8000_2000n, x, written: 0, ...fields };
  }

  /** Lets the monitor handle an exit. */
  handle(fields: Partial<Exit> & { cause: number }): { disposition: Disposition; exit: Exit } {
    const exit = this.exit(fields);
    return { disposition: handleExit(this.vm, exit), exit };
  }

  /** An SBI call with its answer: a0, a1. */
  sbi(extension: bigint, functionId: bigint, args: bigint[] = [], vcpu = 0): { disposition: Disposition; exit: Exit } {
    const x = new Array<bigint>(32).fill(0n);
    for (const [index, value] of args.entries()) x[10 + index] = value;
    x[16] = functionId;
    x[17] = extension;
    return this.handle({ cause: 10, vcpu, x });
  }
}

/** A driver in the guest: its register accesses are the board's, its memory is guest RAM. */
export class BoardDriver<D> extends Driver<D> {
  private readonly base: number;

  constructor(
    private readonly fake: FakeVm,
    index: number,
    device: VirtioDevice<D>,
  ) {
    const slot = fake.vm.state.slots[index] as Slot;
    super(device, slot.virtio.device as D);
    Object.assign(this, { state: slot.virtio });
    Object.assign(this.bus, { memory: fake.ram, view: new DataView(fake.ram.buffer) });
    this.base = virtioSlot(index).base;
  }

  override read(offset: number, size: 1 | 2 | 4 = 4): number {
    return Number(loadDevice(this.fake.vm, this.base + offset, size));
  }
  override write(offset: number, value: number, size: 1 | 2 | 4 = 4): void {
    storeDevice(this.fake.vm, this.base + offset, size, BigInt(value));
  }
}
