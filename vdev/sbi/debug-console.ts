// SBI debug console.

import { sbiError } from './abi.ts';
import { failure, physicalAddress, type SbiCall, type SbiExtension, success } from './extension.ts';

/** Bytes moved by one call at most: both calls may do less than they are asked. */
const transferLimit = 4096;

export const debugConsole: SbiExtension = [
  function write(call) {
    const range = sharedMemory(call);
    if (range === undefined) return failure(sbiError.invalidParam);
    if (range.length === 0) return success();
    const bytes = call.platform.readMemory(range.address, range.length);
    return success(BigInt(call.platform.consoleWrite(bytes)));
  },

  function read(call) {
    const range = sharedMemory(call);
    if (range === undefined) return failure(sbiError.invalidParam);
    if (range.length === 0) return success();
    const bytes = call.platform.consoleRead(range.length);
    if (bytes.length > 0) call.platform.writeMemory(range.address, bytes);
    return success(BigInt(bytes.length));
  },

  function writeByte({ platform, args }) {
    const byte = Uint8Array.of(Number(args[0]! & 0xffn));
    return platform.consoleWrite(byte) === 1 ? success() : failure(sbiError.failed);
  },
];

/** The part of the caller's buffer that this call handles; undefined if not all of the buffer is memory. */
function sharedMemory({ platform, args }: SbiCall): { address: number; length: number } | undefined {
  const [size, low, high] = args;
  const address = high === 0n ? physicalAddress(low!) : undefined;
  const length = physicalAddress(size!);
  if (address === undefined || length === undefined) return undefined;
  if (length > 0 && !platform.isMemory(address, length)) return undefined;
  return { address, length: Math.min(length, transferLimit) };
}
