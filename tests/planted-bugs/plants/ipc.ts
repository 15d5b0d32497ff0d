// Bugs in IPC and channels.

import type { Plant } from '../plant.ts';

const ipc = 'tests/microvisor/ipc.test.ts';
const allocation = 'tests/microvisor/allocation.test.ts';
const consolePorts = 'tests/vmm/console-ports.test.ts';

export const ipcPlants: readonly Plant[] = [
  {
    name: 'the last word of a long message stays behind',
    file: 'microvisor/message.ts',
    find: '(ipcBuffer.message + length) * 8);',
    replace: '(ipcBuffer.message + length - 1) * 8);',
    foundBy: [{ file: ipc, test: 'call and reply deliver payload and length exactly' }],
  },
  {
    name: 'the last to arrive is the first of its priority',
    file: 'microvisor/tcb-queue.ts',
    find: 'after.priority < tcb.priority',
    replace: 'after.priority <= tcb.priority',
    foundBy: [{ file: ipc, test: 'callers queue by priority, then arrival' }],
  },
  {
    name: 'callers queue by arrival alone',
    file: 'microvisor/tcb-queue.ts',
    find: 'after !== null && after.priority < tcb.priority',
    replace: 'after !== null && after === tcb',
    foundBy: [{ file: ipc, test: 'callers queue by priority, then arrival' }],
  },
  {
    name: 'a new priority leaves a receiver where it waits',
    file: 'microvisor/tcb.ts',
    find: 'reorder(tcb.blockingObject!.queue, tcb);',
    replace: '',
    foundBy: [{ file: ipc, test: 'receivers queue by priority, then arrival, and a new priority counts at once' }],
  },
  {
    name: 'the second signal replaces the first',
    file: 'microvisor/notification.ts',
    find: 'notification.messageIdentifier |= badge;',
    replace: 'notification.messageIdentifier = badge;',
    foundBy: [{ file: ipc, test: 'a notification merges, is never lost and never blocks the sender' }],
  },
  {
    name: 'a signal that nobody waits for is lost',
    file: 'microvisor/notification.ts',
    find: `    notification.state = notificationState.active;
`,
    replace: '',
    foundBy: [{ file: ipc, test: 'a notification merges, is never lost and never blocks the sender' }],
  },
  {
    name: 'a signaller stops until its signal is taken',
    file: 'microvisor/notification.ts',
    find: '    notification.messageIdentifier = badge;',
    replace: `    notification.messageIdentifier = badge;
    setThreadState(kernel, kernel.node.current, threadState.inactive);`,
    foundBy: [{ file: ipc, test: 'a notification merges, is never lost and never blocks the sender' }],
  },
  {
    name: 'an end without the write right sends',
    file: 'microvisor/syscalls/decode-invocation.ts',
    find: `      if (!cap.canSend) return refusal.invalidCapability(0);
      sendIPC`,
    replace: '      sendIPC',
    foundBy: [{ file: ipc, test: 'an end without the right cannot call' }],
  },
  {
    name: 'an end without the write right signals',
    file: 'microvisor/syscalls/decode-invocation.ts',
    find: `      if (!cap.canSend) return refusal.invalidCapability(0);
      sendSignal`,
    replace: '      sendSignal',
    foundBy: [{ file: ipc, test: 'an end without the right cannot call' }],
  },
  {
    name: 'an end without the read right receives',
    file: 'microvisor/syscalls/system-call.ts',
    find: 'cap?.type === capType.endpoint && cap.canReceive',
    replace: 'cap?.type === capType.endpoint',
    foundBy: [{ file: ipc, test: 'an end without the right cannot call' }],
  },
  {
    name: 'an answered reply object still names its caller',
    file: 'microvisor/reply.ts',
    find: `  reply.tcb = null;
`,
    replace: '',
    foundBy: [{ file: ipc, test: 'a reply cap is used once' }],
  },
  {
    name: 'a dead server keeps what its callers donated',
    file: 'microvisor/deletion.ts',
    find: `    schedContextUnbindTCB(kernel, sc);
    if`,
    replace: `    schedContextUnbindTCB(kernel, sc);
    schedContextUnbindReply(sc);
    if`,
    foundBy: [{ file: ipc, test: 'when a server dies mid-call its supervisor answers the caller' }],
  },
  {
    name: 'capabilities travel without grant',
    file: 'microvisor/transfer.ts',
    find: 'canGrant && lookupExtraCaps(',
    replace: 'lookupExtraCaps(',
    foundBy: [{ file: ipc, test: 'capability transfer obeys grant and grant-reply' }],
  },
  {
    name: 'capabilities return without grant',
    file: 'microvisor/syscalls/decode-invocation.ts',
    find: 'doReplyTransfer(kernel, thread, cap.reply, cap.canGrant);',
    replace: 'doReplyTransfer(kernel, thread, cap.reply, true);',
    foundBy: [{ file: ipc, test: 'capability transfer obeys grant and grant-reply' }],
  },
  {
    name: 'a call leaves garbage',
    file: 'microvisor/reply.ts',
    find: '  const donated = caller.schedContext;\n',
    replace: `  const donated = caller.schedContext;
  Object.assign(caller, { lastCall: [reply] });
`,
    foundBy: [{ file: allocation, test: 'call and reply-receive allocate nothing' }],
  },
  {
    name: 'a full queue that waits drops',
    file: 'guests/vmm/console-ports.ts',
    find: "(channel.full ?? 'block') !== 'block'",
    replace: 'true',
    foundBy: [{ file: consolePorts, test: 'a full queue follows its policy and counts drops' }],
  },
  {
    name: 'a full queue that drops waits',
    file: 'guests/vmm/console-ports.ts',
    find: "(channel.full ?? 'block') !== 'block'",
    replace: 'false',
    foundBy: [{ file: consolePorts, test: 'a full queue follows its policy and counts drops' }],
  },
];
