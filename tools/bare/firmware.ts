// The bare machine's built-in firmware: the SBI as resident M-mode software, so that an operating system boots without
// any image but its own.

import type { Hart, Supervisor } from '../../hw/hart/hart.ts';
import { resetContext } from '../../hw/hart/reset.ts';
import { deliver } from '../../hw/hart/trap.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import {
  type FenceRange,
  type HartEntry,
  hartResumed,
  type RemoteFence,
  type ResetKind,
  type SbiPlatform,
  type SbiState,
  sbiCall,
  sbiState,
} from '../../vdev/sbi/sbi.ts';

const ssip = 2n;
const msip = 1 << 3;
const supervisorCall = 9;
const machineSoftwareInterrupt = 3;
const [a0, a1] = [10, 11];

export interface FirmwareConsole {
  write(bytes: Uint8Array): void;
  read(limit: number): Uint8Array;
}

export class Firmware implements Supervisor {
  readonly mode = 'M';
  private machine!: Machine;
  private readonly state: SbiState;
  /** Entries of harts that have been told to start and have not yet heard of it. */
  private readonly starting: (HartEntry | undefined)[] = [];

  private readonly platform: SbiPlatform;

  constructor(
    private readonly harts: number,
    private readonly console: FirmwareConsole,
    private readonly onReset: (kind: ResetKind, reason: number) => void,
  ) {
    this.state = sbiState(harts);
    this.platform = this.createPlatform();
  }

  /** Starts hart 0 at `address` in S-mode with a1 = `opaque`; the others wait for HSM. */
  boot(machine: Machine, address: number, opaque: number): void {
    this.machine = machine;
    for (const hart of machine.harts) {
      this.enter(hart, { address, opaque: BigInt(opaque) });
      if (hart.id !== 0) hart.context.set('waiting', 1);
    }
  }

  /** The firmware's own state as plain data. */
  save(): unknown {
    return structuredClone({ state: this.state, starting: [...this.starting] });
  }
  load(machine: Machine, saved: unknown): void {
    this.machine = machine;
    const { state, starting } = structuredClone(saved) as { state: SbiState; starting: (HartEntry | undefined)[] };
    this.state.harts = state.harts;
    this.starting.splice(0, Infinity, ...starting);
  }

  private enter(hart: Hart, { address, opaque }: HartEntry): void {
    const { context } = hart;
    resetContext(context, { pc: BigInt(address), privilege: 1, supervisor: 'M' });
    context.setCsr('mie', BigInt(msip));
    context.setX(a0, BigInt(hart.id));
    context.setX(a1, BigInt.asIntN(64, opaque));
  }

  trap(hart: Hart, cause: number, interrupt: boolean): void {
    if (interrupt && cause === machineSoftwareInterrupt) this.wake(hart);
    else if (!interrupt && cause === supervisorCall) this.call(hart);
    else
      throw new Error(`the firmware got a trap that it delegates: cause ${cause} at 0x${hart.context.pc.toString(16)}`);
  }

  /** Another hart has sent something: an IPI, or an order to start. */
  private wake(hart: Hart): void {
    this.machine.setLines(hart, msip, false);
    const entry = this.starting[hart.id];
    if (entry) {
      this.starting[hart.id] = undefined;
      this.enter(hart, entry);
    } else if (this.state.harts[hart.id] === 'stopped') hart.context.set('waiting', 1);
    else hart.context.setCsr('mip', hart.context.csr('mip') | ssip);
  }

  private call(hart: Hart): void {
    const { context } = hart;
    for (const other of this.machine.harts) if (!other.context.get('waiting')) hartResumed(this.state, other.id);
    const registers = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => context.x(a0 + index));
    const result = sbiCall(this.state, this.platform, hart.id, registers);
    switch (result.kind) {
      case 'return':
        context.setX(a0, BigInt(result.error));
        context.setX(a1, BigInt.asIntN(64, result.value));
        break;
      case 'legacy':
        context.setX(a0, BigInt.asIntN(64, result.value));
        break;
      case 'gone':
      case 'faulted':
        return;
      default:
        result satisfies never;
    }
    context.pc = BigInt.asUintN(64, context.pc + 4n);
  }

  private createPlatform(): SbiPlatform {
    return {
      harts: this.harts,
      hypervisor: true,
      mvendorid: 0n,
      marchid: 0n,
      mimpid: 0n,
      setTimer: (hart, time) => this.contextOf(hart).setCsr('stimecmp', BigInt.asUintN(64, time)),
      sendIpi: (hart) => this.machine.setLines(this.hart(hart), msip, true),
      clearIpi: (hart) => {
        const context = this.contextOf(hart);
        const mip = context.csr('mip');
        context.setCsr('mip', mip & ~ssip);
        return (mip & ssip) !== 0n;
      },
      remoteFence: (caller, hart, fence) => this.remoteFence(this.hart(caller), this.hart(hart), fence),
      startHart: (hart, entry) => {
        this.starting[hart] = entry;
        this.machine.setLines(this.hart(hart), msip, true);
      },
      stopHart: (hart) => {
        // Nothing but an order to start may wake it.
        this.contextOf(hart).setCsr('mie', BigInt(msip));
        this.contextOf(hart).set('waiting', 1);
      },
      suspendHart: (hart, resume) => {
        const context = this.contextOf(hart);
        if (resume) {
          const mie = context.csr('mie');
          this.enter(this.hart(hart), resume);
          context.setCsr('mie', mie);
        }
        context.set('waiting', 1);
      },
      reset: (kind, reason) => this.onReset(kind, reason),
      consoleWrite: (bytes) => {
        this.console.write(bytes);
        return bytes.length;
      },
      consoleRead: (limit) => this.console.read(limit),
      isMemory: (address, length) => this.machine.memory.hostAddress(address, length) >= this.machine.memory.layout.ram,
      readMemory: (address, length) => this.machine.readMemory(address, length)!,
      writeMemory: (address, bytes) => void this.machine.writeMemory(address, bytes),
      loadVirtual: (id, address) => {
        const hart = this.hart(id);
        const value = this.machine.engine.loadAs(hart, hart.context.get('dataRegime'), address, 8, false);
        if (value === undefined) deliver(hart);
        return value;
      },
    };
  }

  private hart(id: number): Hart {
    return this.machine.harts[id]!;
  }
  private contextOf(id: number): Hart['context'] {
    return this.hart(id).context;
  }

  private remoteFence(caller: Hart, hart: Hart, fence: RemoteFence): void {
    const { engine } = this.machine;
    const pages = (range: FenceRange): (bigint | undefined)[] => {
      if (range === 'all' || range.size > 64n * 4096n) return [undefined];
      const count = Number((range.size + (range.start & 0xfffn) + 0xfffn) >> 12n);
      return Array.from({ length: count }, (_, page) => range.start + BigInt(page) * 4096n);
    };
    const optional = <K extends string, V>(key: K, value: V | undefined) =>
      value === undefined ? {} : { [key]: value };
    switch (fence.kind) {
      case 'fence.i':
        return;
      case 'sfence.vma':
        for (const address of pages(fence.range)) {
          engine.fence(hart, {
            stage: 'first',
            virtual: false,
            ...optional('address', address),
            ...optional('asid', fence.asid),
          });
        }
        return;
      case 'hfence.gvma':
        engine.fence(hart, { stage: 'guest', virtual: true, ...optional('vmid', fence.vmid) });
        return;
      case 'hfence.vvma': {
        const vmid = Number((caller.context.csr('hgatp') >> 44n) & 0x3fffn);
        for (const address of pages(fence.range)) {
          engine.fence(hart, {
            stage: 'first',
            virtual: true,
            vmid,
            ...optional('address', address),
            ...optional('asid', fence.asid),
          });
        }
        return;
      }
      default:
        fence satisfies never;
    }
  }
}
