// Invocation labels, numbered by their place in one ordered list. Source: libsel4 object-api.xml, then the riscv64 and the
// riscv interface files, as configured for MCS without hardware debugging. Ours follow the last.

const ordered = [
  'Invalid',
  'UntypedRetype',
  'TCBReadRegisters',
  'TCBWriteRegisters',
  'TCBCopyRegisters',
  'TCBConfigure',
  'TCBSetPriority',
  'TCBSetMCPriority',
  'TCBSetSchedParams',
  'TCBSetTimeoutEndpoint',
  'TCBSetIPCBuffer',
  'TCBSetSpace',
  'TCBSuspend',
  'TCBResume',
  'TCBBindNotification',
  'TCBUnbindNotification',
  'TCBSetTLSBase',
  'TCBSetFlags',
  'CNodeRevoke',
  'CNodeDelete',
  'CNodeCancelBadgedSends',
  'CNodeCopy',
  'CNodeMint',
  'CNodeMove',
  'CNodeMutate',
  'CNodeRotate',
  'IRQIssueIRQHandler',
  'IRQAckIRQ',
  'IRQSetIRQHandler',
  'IRQClearIRQHandler',
  'DomainSetSet',
  'DomainScheduleConfigure',
  'DomainScheduleSetStart',
  'SchedControlConfigureFlags',
  'SchedContextBind',
  'SchedContextUnbind',
  'SchedContextUnbindObject',
  'SchedContextConsumed',
  'SchedContextYieldTo',
  'RISCVPageTableMap',
  'RISCVPageTableUnmap',
  'RISCVPageMap',
  'RISCVPageUnmap',
  'RISCVPageGetAddress',
  'RISCVASIDControlMakePool',
  'RISCVASIDPoolAssign',
  'RISCVIRQIssueIRQHandlerTrigger',
  // Extensions: see extensions.ts.
  'VCPUBind',
  'VCPUReadRegister',
  'VCPUWriteRegister',
  'VCPUInject',
  'VCPUFence',
  'RealmControlBind',
] as const;

export type InvocationLabel = (typeof ordered)[number];

/** Label of every invocation, by name. */
export const label = Object.fromEntries(ordered.map((name, index) => [name, index])) as Readonly<
  Record<InvocationLabel, number>
>;
export const invocationNames: readonly InvocationLabel[] = ordered;
