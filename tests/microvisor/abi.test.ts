// The numbers of the ABI, written out a second time: seL4 16.0.0's, as its headers give them to a compiler for riscv64 with MCS,
// and ours. Kernel, specification, guests and tools share microvisor/abi: nothing else notices that two of its numbers changed
// places.

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as bootInfo from '../../microvisor/abi/boot-info.ts';
import * as errors from '../../microvisor/abi/errors.ts';
import * as extensions from '../../microvisor/abi/extensions.ts';
import * as faults from '../../microvisor/abi/faults.ts';
import * as invocationLabels from '../../microvisor/abi/invocation-labels.ts';
import * as ipcBuffer from '../../microvisor/abi/ipc-buffer.ts';
import * as limits from '../../microvisor/abi/limits.ts';
import * as messageInfo from '../../microvisor/abi/message-info.ts';
import * as objectTypes from '../../microvisor/abi/object-types.ts';
import * as rights from '../../microvisor/abi/rights.ts';
import * as systemCalls from '../../microvisor/abi/system-calls.ts';
import * as userContext from '../../microvisor/abi/user-context.ts';
import { capType } from '../../microvisor/objects.ts';

/** What seL4 defines. Above each table is where. */
const seL4 = {
  // api/invocation.h, arch/api/sel4_invocation.h and arch/api/invocation.h, all generated.
  label: {
    Invalid: 0,
    UntypedRetype: 1,
    TCBReadRegisters: 2,
    TCBWriteRegisters: 3,
    TCBCopyRegisters: 4,
    TCBConfigure: 5,
    TCBSetPriority: 6,
    TCBSetMCPriority: 7,
    TCBSetSchedParams: 8,
    TCBSetTimeoutEndpoint: 9,
    TCBSetIPCBuffer: 10,
    TCBSetSpace: 11,
    TCBSuspend: 12,
    TCBResume: 13,
    TCBBindNotification: 14,
    TCBUnbindNotification: 15,
    TCBSetTLSBase: 16,
    TCBSetFlags: 17,
    CNodeRevoke: 18,
    CNodeDelete: 19,
    CNodeCancelBadgedSends: 20,
    CNodeCopy: 21,
    CNodeMint: 22,
    CNodeMove: 23,
    CNodeMutate: 24,
    CNodeRotate: 25,
    IRQIssueIRQHandler: 26,
    IRQAckIRQ: 27,
    IRQSetIRQHandler: 28,
    IRQClearIRQHandler: 29,
    DomainSetSet: 30,
    DomainScheduleConfigure: 31,
    DomainScheduleSetStart: 32,
    SchedControlConfigureFlags: 33,
    SchedContextBind: 34,
    SchedContextUnbind: 35,
    SchedContextUnbindObject: 36,
    SchedContextConsumed: 37,
    SchedContextYieldTo: 38,
    RISCVPageTableMap: 39,
    RISCVPageTableUnmap: 40,
    RISCVPageMap: 41,
    RISCVPageUnmap: 42,
    RISCVPageGetAddress: 43,
    RISCVASIDControlMakePool: 44,
    RISCVASIDPoolAssign: 45,
    RISCVIRQIssueIRQHandlerTrigger: 46,
  },
  // sel4/objecttype.h, sel4/sel4_arch/objecttype.h, sel4/arch/objecttype.h.
  objectType: {
    untyped: 0,
    tcb: 1,
    endpoint: 2,
    notification: 3,
    capTable: 4,
    schedContext: 5,
    reply: 6,
    gigaPage: 7,
    page: 8,
    megaPage: 9,
    pageTable: 10,
  },
  // sel4/syscall.h, generated. It leaves −20 to −32 to code injection, benchmarks and x86.
  systemCall: {
    call: -1,
    replyRecv: -2,
    nbSendRecv: -3,
    nbSendWait: -4,
    send: -5,
    nbSend: -6,
    recv: -7,
    nbRecv: -8,
    wait: -9,
    nbWait: -10,
    yield: -11,
    debugPutChar: -12,
    debugDumpScheduler: -13,
    debugHalt: -14,
    debugCapIdentify: -15,
    debugSnapshot: -16,
    debugNameThread: -17,
    debugSendIpi: -18,
    debugGetThreadAffinity: -19,
    setTlsBase: -33,
  },
  // The registers that the stubs of sel4/arch/syscalls.h name: a7, a0, a1, a2, a6, t0.
  callRegister: {
    number: 17,
    capability: 10,
    badge: 10,
    messageInfo: 11,
    message0: 12,
    reply: 16,
    nbSendRecvDestination: 5,
  },
  // sel4/errors.h.
  error: {
    none: 0,
    invalidArgument: 1,
    invalidCapability: 2,
    illegalOperation: 3,
    rangeError: 4,
    alignmentError: 5,
    failedLookup: 6,
    truncatedMessage: 7,
    deleteFirst: 8,
    revokeFirst: 9,
    notEnoughMemory: 10,
  },
  // sel4/arch/shared_types.bf. 4 would be the debug exception, which RISC-V does not have.
  faultType: { none: 0, capFault: 1, unknownSyscall: 2, userException: 3, timeout: 5, vmFault: 6 },
  // sel4/constants.h.
  lookupFailure: { none: 0, invalidRoot: 1, missingCapability: 2, depthMismatch: 3, guardMismatch: 4 },
  // sel4/shared_types.h, then sel4/sel4_arch/constants.h.
  capFault: {
    ip: 0,
    address: 1,
    inReceivePhase: 2,
    lookupFailureType: 3,
    bitsLeft: 4,
    depthMismatchBitsFound: 5,
    guardMismatchGuardFound: 5,
    guardMismatchBitsFound: 6,
  },
  vmFault: { ip: 0, address: 1, prefetchFault: 2, fsr: 3, length: 4 },
  unknownSyscall: {
    faultIp: 0,
    sp: 1,
    ra: 2,
    a0: 3,
    a1: 4,
    a2: 5,
    a3: 6,
    a4: 7,
    a5: 8,
    a6: 9,
    syscall: 10,
    length: 11,
  },
  userException: { faultIp: 0, sp: 1, number: 2, code: 3, length: 4 },
  timeout: { data: 0, consumed: 1, length: 2 },
  // seL4_IPCBuffer of sel4/shared_types.h, in words.
  ipcBuffer: {
    tag: 0,
    message: 1,
    userData: 121,
    capsOrBadges: 122,
    receiveCNode: 125,
    receiveIndex: 126,
    receiveDepth: 127,
    words: 128,
  },
  // seL4_RootCNodeCapSlots of sel4/bootinfo_types.h. 7, 8, 12 and 13 are empty on RISC-V.
  initialCap: {
    null: 0,
    tcb: 1,
    cNode: 2,
    vspace: 3,
    irqControl: 4,
    asidControl: 5,
    asidPool: 6,
    bootInfoFrame: 9,
    ipcBuffer: 10,
    domain: 11,
    schedContext: 14,
  },
  // seL4_BootInfo of the same file, in bytes, with 230 descriptors of untypeds.
  bootInfo: {
    extraLen: 0,
    nodeId: 8,
    numNodes: 16,
    numIoptLevels: 24,
    ipcBuffer: 32,
    empty: 40,
    sharedFrames: 56,
    userImageFrames: 72,
    userImagePaging: 88,
    ioSpaceCaps: 104,
    extraBiPages: 120,
    initThreadCNodeSizeBits: 136,
    initThreadDomain: 144,
    schedControl: 152,
    untyped: 168,
    untypedList: 184,
    size: 3864,
  },
  bootInfoHeader: { padding: 0, fdt: 6 },
  // sel4/sel4_arch/constants.h; minSchedContext: sel4/constants.h; bootInfo: sel4/bootinfo_types.h.
  sizeBits: {
    slot: 5,
    endpoint: 4,
    notification: 6,
    reply: 5,
    tcb: 11,
    minSchedContext: 7,
    pageTable: 12,
    vspace: 12,
    asidPool: 12,
    page: 12,
    largePage: 21,
    hugePage: 30,
    minUntyped: 4,
    maxUntyped: 38,
    ipcBuffer: 10,
    bootInfo: 12,
  },
  // sel4/constants.h and sel4/sel4_arch/constants.h; the configuration (fan-out, BootInfo, priorities); the kernel's
  // registerset.h (message registers), platform_gen.h of QEMU's virt (interrupts), object/structures.h (scheduling contexts).
  limits: {
    wordBits: 64,
    userTop: 274_877_902_848,
    msgMaxLength: 120,
    msgRegisterCount: 4,
    numPriorities: 256,
    maxPriority: 255,
    retypeFanOutLimit: 256,
    maxBootInfoUntypeds: 230,
    maxIrq: 95,
    asidPoolCount: 128,
    asidsPerPool: 512,
    coreSchedContextBytes: 128,
    schedContextHeaderBytes: 96,
    refillBytes: 16,
    minRefills: 2,
  },
  // seL4_CapRights of sel4/shared_types.bf.
  right: { write: 1, read: 2, grant: 4, grantReply: 8 },
  // sel4/arch/types.h, then sel4/constants.h.
  vmAttribute: { executeNever: 1 },
  schedContextFlag: { sporadic: 1 },
  tcbFlag: { fpuDisabled: 1 },
  // seL4_UserContext of sel4/arch/types.h, with −1 for the pc.
  userContext: [
    ...[-1, 1, 2, 3], // pc, ra, sp, gp
    ...[8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27], // s0 to s11
    ...[10, 11, 12, 13, 14, 15, 16, 17], // a0 to a7
    ...[5, 6, 7, 28, 29, 30, 31], // t0 to t6
    4, // tp
  ],
  // The kernel's object/structures.bf: what DebugCapIdentify answers.
  capType: {
    null: 0,
    frame: 1,
    untyped: 2,
    pageTable: 3,
    endpoint: 4,
    notification: 6,
    reply: 8,
    cNode: 10,
    asidControl: 11,
    thread: 12,
    asidPool: 13,
    irqControl: 14,
    irqHandler: 16,
    zombie: 18,
    domain: 20,
    schedContext: 22,
    schedControl: 24,
  },
};

/** What we add, above the last of seL4's: docs/abi.md, Extensions. */
const ours = {
  label: {
    VCPUBind: 47,
    VCPUReadRegister: 48,
    VCPUWriteRegister: 49,
    VCPUInject: 50,
    VCPUFence: 51,
    RealmControlBind: 52,
  },
  objectType: { vcpu: 11, guestRoot: 12 },
  extensionSizeBits: { vcpu: 12, guestRoot: 14 },
  faultType: { vcpuFault: 7 },
  vcpuFault: { scause: 0, htval: 1, htinst: 2, pc: 3, stval: 4, x1: 5, length: 36 },
  initialCap: { realmControl: 15 },
  tcbFlag: { foreign: 2 },
  capType: { vcpu: 26, realmControl: 28 },
  vcpuRegister: {
    vsstatus: 0,
    vsie: 1,
    vstvec: 2,
    vsscratch: 3,
    vsepc: 4,
    vscause: 5,
    vstval: 6,
    vsatp: 7,
    vstimecmp: 8,
    htimedelta: 9,
    hvip: 10,
    senvcfg: 11,
    scounteren: 12,
    privilege: 13,
    time: 14,
  },
  realmPc: { calling: 0n, running: 4n, start: 8n, skip: 12n },
  vcpuFence: { vvma: 0, gvma: 1, instructions: 2 },
  // VSSIP, VSTIP and VSEIP.
  virtualInterrupts: 0x444,
};

/** All that a module exports but its functions: a constant without a number here fails as one with another does. */
const constantsOf = (module: object) =>
  Object.fromEntries(Object.entries(module).filter(([, value]) => typeof value !== 'function'));

describe('the ABI', () => {
  it('numbers invocations as seL4 does, and ours after them', () => {
    const label = { ...seL4.label, ...ours.label };
    expect(constantsOf(invocationLabels)).toEqual({ label, invocationNames: Object.keys(label) });
  });
  it('numbers object types as seL4 does, and ours after them', () => {
    expect(constantsOf(objectTypes)).toEqual({
      objectType: { ...seL4.objectType, ...ours.objectType },
      objectTypeCount: 13,
      extensionSizeBits: ours.extensionSizeBits,
    });
  });
  it('numbers system calls, and finds their operands, as seL4 does', () => {
    expect(constantsOf(systemCalls)).toEqual({
      systemCall: seL4.systemCall,
      lowestApiCall: -11,
      callRegister: seL4.callRegister,
    });
  });
  it('numbers errors as seL4 does', () => {
    expect(constantsOf(errors)).toEqual({ error: seL4.error, errorNames: Object.keys(seL4.error) });
  });
  it('numbers faults, lookup failures and the words of their messages as seL4 does, and ours after them', () => {
    expect(constantsOf(faults)).toEqual({
      faultType: { ...seL4.faultType, ...ours.faultType },
      lookupFailure: seL4.lookupFailure,
      capFault: seL4.capFault,
      vmFault: seL4.vmFault,
      unknownSyscall: seL4.unknownSyscall,
      userException: seL4.userException,
      timeout: seL4.timeout,
      vcpuFault: ours.vcpuFault,
    });
  });
  it('lays the IPC buffer out as seL4 does', () => {
    expect(constantsOf(ipcBuffer)).toEqual({ ipcBuffer: seL4.ipcBuffer });
  });
  it('lays BootInfo and the initial capabilities out as seL4 does', () => {
    expect(constantsOf(bootInfo)).toEqual({
      initialCap: { ...seL4.initialCap, ...ours.initialCap },
      numInitialCaps: 16,
      bootInfo: seL4.bootInfo,
      bootInfoHeader: seL4.bootInfoHeader,
    });
  });
  it('sizes and limits as seL4 does', () => {
    expect(constantsOf(limits)).toEqual({ sizeBits: seL4.sizeBits, ...seL4.limits });
  });
  it('numbers the bits of rights, attributes and flags as seL4 does, and ours after them', () => {
    expect(constantsOf(rights)).toEqual({
      right: seL4.right,
      allRights: 15,
      vmAttribute: seL4.vmAttribute,
      schedContextFlag: seL4.schedContextFlag,
      tcbFlag: { ...seL4.tcbFlag, ...ours.tcbFlag },
    });
  });
  it('orders the registers of a user context as seL4 does', () => {
    expect(constantsOf(userContext)).toEqual({ userContext: seL4.userContext, frameRegisterCount: 16 });
  });
  it('packs message info and CNode guards as seL4 does', () => {
    // The words are what libsel4's constructors give.
    const info = { label: 0xab_cdef, capsUnwrapped: 5, extraCaps: 3, length: 120 };
    expect(messageInfo.messageInfoWord(info)).toBe(46_118_403_064n);
    expect(messageInfo.messageInfoFromWord(46_118_403_064n)).toEqual(info);
    expect(rights.cNodeCapData(0x123_4567_89abn, 41)).toBe(80_063_993_375_465n);
  });
  it('packs and unpacks the largest label', () => {
    const info = { label: 2 ** 52 - 1, capsUnwrapped: 5, extraCaps: 3, length: 120 };
    expect(messageInfo.messageInfoFromWord(BigInt.asIntN(64, messageInfo.messageInfoWord(info)))).toEqual(info);
  });
  it('identifies capabilities by the tags of seL4, and ours after them', () => {
    expect(capType).toEqual({ ...seL4.capType, ...ours.capType });
  });
  it('numbers what only virtual harts and realms use', () => {
    expect(constantsOf(extensions)).toEqual({
      vcpuRegisters: Object.keys(ours.vcpuRegister),
      realmPc: ours.realmPc,
      vcpuFence: ours.vcpuFence,
      virtualInterrupts: ours.virtualInterrupts,
    });
    expect(Object.values(ours.vcpuRegister)).toEqual([...extensions.vcpuRegisters.keys()]);
  });
  it('has no module whose numbers are not compared here', () => {
    expect(readdirSync(new URL('../../microvisor/abi/', import.meta.url)).sort()).toEqual([
      'boot-info.ts',
      'errors.ts',
      'extensions.ts',
      'faults.ts',
      'invocation-labels.ts',
      'ipc-buffer.ts',
      'limits.ts',
      'message-info.ts',
      'object-types.ts',
      'rights.ts',
      'system-calls.ts',
      'user-context.ts',
    ]);
  });
});
