// The monitor's port over the SDK: guest RAM in the monitor's own address space, vCPUs as children, channels.

import { vcpuRegisters } from '../../microvisor/abi/extensions.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { userContext } from '../../microvisor/abi/user-context.ts';
import { type Cell, call } from '../sdk/index.ts';
import { slot } from '../sdk/layout.ts';
import { machine } from '../sdk/machine.ts';
import { debugPutChar } from '../sdk/system-call.ts';
import type { MonitorPort } from './monitor-port.ts';
import { systemReset } from './reset-report.ts';
import type { VmConfig, VmState } from './vm.ts';

/** The monitor's state. */
export interface MonitorState {
  /** null until `init`. */
  vm: VmState | null;
  /** By channel number: the sample that the guest was given last. */
  samples: Record<number, number>;
}

/** Where guest physical address 0 lies in the monitor's address space (tools/plan/conventions.ts). */
export const guestBase = 0x8_0000_0000;

/** As much memory as moves in one operation. */
const copyBytes = 1 << 20;
const nsPerSecond = 1_000_000_000;
/** Words of TCB_WriteRegisters before the registers: flags (bit 0: resume) and how many there are. */
const resume = 1n;

export function cellPort(cell: Cell<MonitorState>, { vcpus, timebaseHz }: VmConfig): MonitorPort {
  const isSample = (channel: number): boolean => cell.channel(channel).config.type === 'sample';
  return {
    nowNs: () => (Number(readVcpu(0, 'time')) * nsPerSecond) / timebaseHz,
    readRam(address, length) {
      if (length <= copyBytes) return machine.loadBytes(guestBase + address, length);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += copyBytes) {
        bytes.set(machine.loadBytes(guestBase + address + at, Math.min(copyBytes, length - at)), at);
      }
      return bytes;
    },
    writeRam(address, bytes) {
      for (let at = 0; at < bytes.length; at += copyBytes) {
        machine.storeBytes(guestBase + address + at, bytes.subarray(at, at + copyBytes));
      }
    },
    readVcpu,
    writeVcpu(vcpu, register, value) {
      invoke(slot.childVcpu + vcpu, 'VCPUWriteRegister', [BigInt(vcpuRegisters.indexOf(register)), value]);
    },
    inject(vcpu, set, clear) {
      invoke(slot.childVcpu + vcpu, 'VCPUInject', [BigInt(set), BigInt(clear)]);
    },
    fence(vcpu, kind, address, asid) {
      invoke(slot.childVcpu + vcpu, 'VCPUFence', [BigInt(kind), address, asid]);
    },
    start(vcpu, { pc, a0, a1 }) {
      const words = userContext.map((register) =>
        register < 0 ? pc : register === 10 ? a0 : register === 11 ? a1 : 0n,
      );
      invoke(slot.childThread + vcpu, 'TCBWriteRegisters', [resume, BigInt(words.length), ...words]);
    },
    writeStream: (channel, bytes) => cell.stream(channel).write(bytes),
    peekStream: (channel, limit) => cell.stream(channel).peek(limit),
    consumeStream: (channel, count) => cell.stream(channel).skip(count),
    sendMessage(channel, message, mayDrop) {
      if (isSample(channel)) {
        cell.sample(channel).write(message);
        return true;
      }
      const queue = cell.queue(channel);
      if (!mayDrop && !queue.fits(message.length)) return false;
      queue.send(message);
      return true;
    },
    receiveMessage(channel) {
      if (!isSample(channel)) return receive(cell, channel);
      const { samples } = cell.draft();
      const sample = cell.sample(channel).read();
      if (sample === undefined || sample.sequence === samples[channel]) return undefined;
      samples[channel] = sample.sequence;
      return sample.bytes;
    },
    peerGeneration: (channel) => cell.queue(channel).peerGeneration,
    signal: (channel) => cell.channel(channel).notify(),
    log(bytes) {
      for (const byte of bytes) debugPutChar(byte);
    },
    end(ending) {
      for (let vcpu = 0; vcpu < vcpus; vcpu++) invoke(slot.childThread + vcpu, 'TCBSuspend', []);
      if (ending.kind === 'unexpected-trap') {
        throw new Error(`vCPU ${ending.vcpu} has trapped with cause ${ending.cause}`);
      }
      reportReset(resetTypes.indexOf(ending.kind), ending.failure);
    },
  };
}

/** A queue whose peer writes nonsense has nothing to give: that is no reason for the guest to stop. */
function receive(cell: Cell<MonitorState>, channel: number): Uint8Array | undefined {
  try {
    return cell.queue(channel).receive();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readVcpu(vcpu: number, register: (typeof vcpuRegisters)[number]): bigint {
  return invoke(slot.childVcpu + vcpu, 'VCPUReadRegister', [BigInt(vcpuRegisters.indexOf(register))])[0]!;
}

/** An invocation that the plan's capabilities allow; an error code is our bug. */
function invoke(capability: number, name: keyof typeof label, words: readonly bigint[]): readonly bigint[] {
  const answer = call(capability, { label: label[name], words });
  if (answer.label !== 0) throw new Error(`${name} on slot ${capability} answers with error ${answer.label}`);
  return answer.words;
}

const resetTypes = ['shutdown', 'cold-reboot', 'warm-reboot'];

/**
 * The guest's own SBI call goes up one level: the monitor makes it a system call that the kernel doesn't have, and its
 * supervisor gets an UnknownSyscall with the reset's type in a0 and 1 in a2 for a system failure. It decides what follows.
 */
function reportReset(type: number, failure: boolean): void {
  machine.systemCall(systemReset, type, 0n, [failure ? 1n : 0n], 0, 0);
}
