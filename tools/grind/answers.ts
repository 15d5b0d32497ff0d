// What each invocation may answer. The grinder demands to see all of it, and nothing else.

import type { error } from '../../microvisor/abi/errors.ts';
import type { InvocationLabel } from '../../microvisor/abi/invocation-labels.ts';

export type ErrorName = keyof typeof error;

/** Errors of decoding the arguments; success (`none`) is possible for all. What is not listed, no check of the invocation gives. */
export const answers: Readonly<Record<Exclude<InvocationLabel, 'Invalid'>, readonly ErrorName[]>> = {
  UntypedRetype: [
    'invalidArgument',
    'rangeError',
    'failedLookup',
    'truncatedMessage',
    'deleteFirst',
    'notEnoughMemory',
  ],
  TCBReadRegisters: ['illegalOperation', 'rangeError', 'truncatedMessage'],
  TCBWriteRegisters: ['illegalOperation', 'truncatedMessage'],
  TCBCopyRegisters: ['invalidCapability', 'truncatedMessage'],
  TCBConfigure: ['illegalOperation', 'alignmentError', 'truncatedMessage', 'revokeFirst'],
  TCBSetPriority: ['invalidCapability', 'rangeError', 'truncatedMessage'],
  TCBSetMCPriority: ['invalidCapability', 'rangeError', 'truncatedMessage'],
  TCBSetSchedParams: ['invalidCapability', 'illegalOperation', 'rangeError', 'truncatedMessage'],
  TCBSetTimeoutEndpoint: ['invalidCapability', 'truncatedMessage'],
  TCBSetIPCBuffer: ['illegalOperation', 'alignmentError', 'truncatedMessage', 'revokeFirst'],
  TCBSetSpace: ['invalidCapability', 'illegalOperation', 'truncatedMessage', 'revokeFirst'],
  TCBSuspend: [],
  TCBResume: [],
  TCBBindNotification: ['illegalOperation', 'truncatedMessage'],
  TCBUnbindNotification: ['illegalOperation'],
  TCBSetTLSBase: ['truncatedMessage'],
  TCBSetFlags: ['truncatedMessage'],
  CNodeRevoke: ['rangeError', 'failedLookup', 'truncatedMessage'],
  CNodeDelete: ['rangeError', 'failedLookup', 'truncatedMessage'],
  CNodeCancelBadgedSends: ['illegalOperation', 'rangeError', 'failedLookup', 'truncatedMessage'],
  CNodeCopy: ['illegalOperation', 'rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst', 'revokeFirst'],
  CNodeMint: ['illegalOperation', 'rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst', 'revokeFirst'],
  CNodeMove: ['rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst'],
  CNodeMutate: ['illegalOperation', 'rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst'],
  CNodeRotate: ['illegalOperation', 'rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst'],
  IRQIssueIRQHandler: ['rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst', 'revokeFirst'],
  IRQAckIRQ: [],
  IRQSetIRQHandler: ['invalidCapability', 'truncatedMessage'],
  IRQClearIRQHandler: [],
  DomainSetSet: ['invalidArgument', 'truncatedMessage'],
  DomainScheduleConfigure: ['invalidArgument', 'rangeError', 'truncatedMessage'],
  DomainScheduleSetStart: ['invalidArgument', 'rangeError', 'truncatedMessage'],
  SchedControlConfigureFlags: ['invalidCapability', 'rangeError', 'truncatedMessage'],
  SchedContextBind: ['invalidCapability', 'illegalOperation', 'truncatedMessage'],
  SchedContextUnbind: ['illegalOperation'],
  SchedContextUnbindObject: ['invalidCapability', 'illegalOperation', 'truncatedMessage'],
  SchedContextConsumed: [],
  SchedContextYieldTo: ['illegalOperation'],
  RISCVPageTableMap: ['invalidArgument', 'invalidCapability', 'failedLookup', 'truncatedMessage', 'deleteFirst'],
  RISCVPageTableUnmap: ['revokeFirst'],
  RISCVPageMap: [
    'invalidArgument',
    'invalidCapability',
    'alignmentError',
    'failedLookup',
    'truncatedMessage',
    'deleteFirst',
  ],
  RISCVPageUnmap: [],
  RISCVPageGetAddress: [],
  RISCVASIDControlMakePool: [
    ...(['invalidCapability', 'rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst', 'revokeFirst'] as const),
  ],
  RISCVASIDPoolAssign: ['invalidCapability', 'truncatedMessage', 'deleteFirst'],
  RISCVIRQIssueIRQHandlerTrigger: ['rangeError', 'failedLookup', 'truncatedMessage', 'deleteFirst', 'revokeFirst'],
  VCPUBind: ['invalidCapability', 'illegalOperation', 'truncatedMessage'],
  VCPUReadRegister: ['illegalOperation', 'rangeError', 'truncatedMessage'],
  VCPUWriteRegister: ['illegalOperation', 'rangeError', 'truncatedMessage'],
  VCPUInject: ['illegalOperation', 'truncatedMessage'],
  VCPUFence: ['illegalOperation', 'rangeError', 'truncatedMessage'],
  RealmControlBind: ['invalidCapability', 'illegalOperation', 'rangeError', 'truncatedMessage'],
};

/** Errors that the code of an invocation can give, and that no sequence of calls leads to. */
export const unreachable: readonly { label: InvocationLabel; error: ErrorName; because: string }[] = [
  {
    label: 'RISCVASIDPoolAssign',
    error: 'failedLookup',
    because: 'a pool leaves the table of pools only with the last capability to it, and then nothing can be invoked',
  },
];
