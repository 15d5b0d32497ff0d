// Why vCPUs exit, and what the monitor does about it. Whatever a guest does ends here in registers of the guest, in a device
// or in an exception of its own: nothing throws, and no exit costs more than its largest buffer.

import { hartResumed } from '../../vdev/sbi/sbi.ts';
import { fireAlarm, loadDevice, storeDevice } from './board.ts';
import { isRam } from './device-bus.ts';
import { accessFaultOf, cause, raise } from './exception.ts';
import { type Disposition, type Exit, setRegister, skip } from './exit.ts';
import { littleEndian, walk } from './guest-walk.ts';
import { fromInstruction, fromTransformed, isPseudoInstruction, type MemoryAccess } from './memory-access.ts';
import { handleSbiCall } from './sbi-platform.ts';
import type { Vm } from './vm.ts';

/** Handles one exit: changes its registers, devices, other vCPUs. Returns how the vCPU goes on. */
export function handleExit(vm: Vm, exit: Exit): Disposition {
  if (vm.state.ended) return 'stop';
  hartResumed(vm.state.sbi, exit.vcpu);
  fireAlarm(vm);
  switch (exit.cause) {
    case cause.virtualSupervisorEcall:
      return handleSbiCall(vm, exit);
    case cause.loadGuestPageFault:
    case cause.storeGuestPageFault:
      accessMemory(vm, exit);
      return 'run';
    case cause.instructionGuestPageFault:
      raise(vm.port, exit, cause.instructionAccessFault, exit.stval);
      return 'run';
    case cause.virtualInstruction:
    case cause.illegalInstruction:
      // What a hart without H does not have: its CSRs and fences. And WFI in user mode.
      raise(vm.port, exit, cause.illegalInstruction, exit.stval);
      return 'run';
    case cause.instructionAccessFault:
    case cause.loadAccessFault:
    case cause.storeAccessFault:
      raise(vm.port, exit, exit.cause, exit.stval);
      return 'run';
    default:
      vm.state.ended = true;
      vm.port.end({ kind: 'unexpected-trap', vcpu: exit.vcpu, cause: exit.cause });
      return 'stop';
  }
}

/** A load or store outside RAM, or one that RAM's mapping forbids. */
function accessMemory(vm: Vm, exit: Exit): void {
  const { htinst } = exit;
  const refuse = (): void => raise(vm.port, exit, accessFaultOf(exit.cause), exit.stval);
  if (isPseudoInstruction(htinst)) {
    refuse();
    return;
  }
  // htval holds the address without its two lowest bits (privileged spec, 19.2.12).
  const address = exit.htval * 4n + (exit.stval & 3n);
  const access = htinst === 0n ? fetchAccess(vm, exit) : fromTransformed(htinst);
  if (access === 'again') return;
  const isStore = exit.cause === cause.storeGuestPageFault;
  if (access === undefined || (access.kind === 'store') !== isStore || address >= 1n << 52n) {
    refuse();
    return;
  }
  if (perform(vm, exit, Number(address), access)) skip(exit, access.length);
  else refuse();
}

/** false: no device is there, or not for all of the bytes. */
function perform(vm: Vm, exit: Exit, address: number, access: MemoryAccess): boolean {
  const { size, register, signed } = access;
  if (access.kind === 'store') return storeDevice(vm, address, size, exit.x[register]!);
  const value = loadDevice(vm, address, size);
  if (value === undefined) return false;
  setRegister(exit, register, signed ? BigInt.asIntN(8 * size, value) : value);
  return true;
}

/**
 * The instruction at the exit's pc, when htinst does not tell. 'again': it cannot be read any more, because another vCPU
 * has changed the tables meanwhile; the hart tries once more and sees for itself.
 */
function fetchAccess(vm: Vm, exit: Exit): MemoryAccess | 'again' | undefined {
  const low = fetchHalfword(vm, exit, exit.pc);
  if (low === undefined) return 'again';
  if ((low & 3) !== 3) return fromInstruction(low);
  const high = fetchHalfword(vm, exit, BigInt.asUintN(64, exit.pc + 2n));
  return high === undefined ? 'again' : fromInstruction((low | (high << 16)) >>> 0);
}

function fetchHalfword({ config, port }: Vm, { vcpu }: Exit, address: bigint): number | undefined {
  const user = port.readVcpu(vcpu, 'privilege') === 0n;
  const request = { access: 'fetch', user, status: 0n } as const;
  const found = walk(port, config.ram, port.readVcpu(vcpu, 'vsatp'), address, request);
  if (typeof found !== 'number' || !isRam(config.ram, found, 2)) return undefined;
  return Number(littleEndian(port.readRam(found, 2)));
}
