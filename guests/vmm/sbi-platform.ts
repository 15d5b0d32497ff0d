// The virtual machine under its SBI: harts are vCPUs, timers vstimecmp, IPIs virtual interrupts.

import { vcpuFence } from '../../microvisor/abi/extensions.ts';
import { type HartEntry, hartResumed, type RemoteFence, type SbiPlatform, sbiCall } from '../../vdev/sbi/sbi.ts';
import { readTerminal, writeTerminal } from './console-ports.ts';
import { isRam } from './device-bus.ts';
import { cause, raise } from './exception.ts';
import { type Disposition, type Exit, register, setRegister, skip } from './exit.ts';
import { littleEndian, walk } from './guest-walk.ts';
import type { Vm } from './vm.ts';

const vssip = 1 << 2;
const all = (1n << 64n) - 1n;
const ecallBytes = 4;
/** Pages that are fenced one by one; for more, everything is. */
const pagesAtOnce = 64n;

/** An ECALL from VS-mode. */
export function handleSbiCall(vm: Vm, exit: Exit): Disposition {
  const call = { disposition: 'run' as Disposition };
  const arguments_ = exit.x.slice(register.a0, register.a0 + 8);
  const result = sbiCall(vm.state.sbi, platformFor(vm, exit, call), exit.vcpu, arguments_);
  switch (result.kind) {
    case 'return':
      setRegister(exit, register.a0, BigInt(result.error));
      setRegister(exit, register.a1, result.value);
      skip(exit, ecallBytes);
      break;
    case 'legacy':
      setRegister(exit, register.a0, result.value);
      skip(exit, ecallBytes);
      break;
    case 'gone':
    case 'faulted':
      break;
    default:
      result satisfies never;
  }
  return call.disposition;
}

/** The platform for one call; `call.disposition` becomes how the caller goes on. */
function platformFor(vm: Vm, exit: Exit, call: { disposition: Disposition }): SbiPlatform {
  const { config, state, port } = vm;
  const { ram } = config;
  let fenced: RemoteFence | undefined;
  return {
    harts: config.vcpus,
    hypervisor: false,
    mvendorid: 0n,
    marchid: 0n,
    mimpid: 0n,
    setTimer: (hart, time) => port.writeVcpu(hart, 'vstimecmp', time),
    sendIpi(hart) {
      hartResumed(state.sbi, hart);
      port.inject(hart, vssip, 0);
    },
    clearIpi(hart) {
      const pending = (port.readVcpu(hart, 'hvip') & BigInt(vssip)) !== 0n;
      if (pending) port.inject(hart, 0, vssip);
      return pending;
    },
    remoteFence(_caller, hart, fence) {
      // VCPUFence reaches every hart that may hold the machine's translations: once is enough for all targets of a call.
      if (fence === fenced) return;
      fenced = fence;
      remoteFence(vm, hart, fence);
    },
    startHart: (hart, entry) => startVcpu(vm, hart, entry),
    stopHart() {
      call.disposition = 'stop';
    },
    suspendHart(hart, resume) {
      call.disposition = 'wait';
      if (resume === undefined) return;
      resetVcpu(vm, hart);
      exit.pc = BigInt(resume.address);
      setRegister(exit, register.a0, BigInt(hart));
      setRegister(exit, register.a1, resume.opaque);
    },
    reset(kind, reason) {
      call.disposition = 'stop';
      state.ended = true;
      port.end({ kind, failure: reason !== 0 });
    },
    consoleWrite: (bytes) => writeTerminal(vm, bytes),
    consoleRead: (limit) => readTerminal(vm, limit),
    isMemory: (address, length) => isRam(ram, address, length),
    readMemory: (address, length) => port.readRam(address, length),
    writeMemory: (address, bytes) => port.writeRam(address, bytes),
    loadVirtual: (hart, address) => loadVirtual(vm, exit, hart, address),
  };
}

/** Lets a stopped vCPU begin, as SBI's hart_start says: paging and interrupts off, a0 its hart id. */
export function startVcpu(vm: Vm, vcpu: number, { address, opaque }: HartEntry): void {
  resetVcpu(vm, vcpu);
  vm.port.inject(vcpu, 0, vssip);
  vm.port.start(vcpu, { pc: BigInt(address), a0: BigInt(vcpu), a1: opaque });
}

const sie = 1n << 1n;

function resetVcpu({ port }: Vm, vcpu: number): void {
  port.writeVcpu(vcpu, 'vsatp', 0n);
  port.writeVcpu(vcpu, 'vsstatus', port.readVcpu(vcpu, 'vsstatus') & ~sie);
  port.writeVcpu(vcpu, 'privilege', 1n);
}

function remoteFence({ port }: Vm, hart: number, fence: RemoteFence): void {
  switch (fence.kind) {
    case 'fence.i':
      port.fence(hart, vcpuFence.instructions, all, all);
      return;
    case 'sfence.vma': {
      const asid = fence.asid === undefined ? all : BigInt(fence.asid);
      const { range } = fence;
      if (range === 'all' || range.size > pagesAtOnce << 12n) {
        port.fence(hart, vcpuFence.vvma, all, asid);
        return;
      }
      for (let at = range.start & ~0xfffn; at < range.start + range.size; at += 4096n) {
        port.fence(hart, vcpuFence.vvma, BigInt.asUintN(64, at), asid);
      }
      return;
    }
    // Without the H extension in the guest these answer NOT_SUPPORTED before they get here.
    case 'hfence.gvma':
    case 'hfence.vvma':
      return;
    default:
      fence satisfies never;
  }
}

/** A doubleword in the caller's address space, byte by byte: it may be misaligned, and cross a page. */
function loadVirtual(vm: Vm, exit: Exit, hart: number, address: bigint): bigint | undefined {
  const { config, port } = vm;
  const vsatp = port.readVcpu(hart, 'vsatp');
  const request = { access: 'load', user: false, status: port.readVcpu(hart, 'vsstatus') } as const;
  const bytes = new Uint8Array(8);
  for (let i = 0; i < 8; i++) {
    const at = BigInt.asUintN(64, address + BigInt(i));
    const found = walk(port, config.ram, vsatp, at, request);
    if (found === 'page-fault') raise(port, exit, cause.loadPageFault, at);
    else if (found === 'access-fault' || !isRam(config.ram, found, 1)) raise(port, exit, cause.loadAccessFault, at);
    else {
      bytes[i] = port.readRam(found, 1)[0]!;
      continue;
    }
    return undefined;
  }
  return littleEndian(bytes);
}
