// What goes from one thread to another with a message: words, as far as there are buffers for them, and capabilities.

import { describe, expect, it } from 'vitest';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { cNodeCapData, right } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import type { FrameCap } from '../../microvisor/objects.ts';
import {
  allRights,
  capType,
  initialCap,
  label,
  objectType,
  systemCall,
  type Thread,
  threadState,
  World,
} from './world.ts';

const { cNode, vspace } = initialCap;

/** A receiver that waits, with a slot for a capability if asked, and a sender that runs. */
function meeting(prepared = true): {
  world: World;
  endpoint: number;
  receiver: Thread;
  sender: Thread;
  into: number;
  aside: number;
} {
  const world = new World();
  const endpoint = world.endpoint();
  const into = world.freeSlot();
  const receiver = world.thread({ priority: 120, budget: 1000 });
  const sender = world.thread({ priority: 110, budget: 1000 });
  if (prepared) receiveInto(world, receiver, into);
  const aside = world.stepAside();
  world.expectCurrent(receiver);
  world.wait(endpoint);
  world.expectCurrent(sender);
  return { world, endpoint, receiver, sender, into, aside };
}
function receiveInto(world: World, { tcb }: Thread, slot: number, root: number = cNode): void {
  world.setBufferWord(tcb, ipcBuffer.receiveCNode, BigInt(root));
  world.setBufferWord(tcb, ipcBuffer.receiveIndex, BigInt(slot));
  world.setBufferWord(tcb, ipcBuffer.receiveDepth, 64n);
}
/** Gives a thread a buffer that it may only read, or not even that, or none; in it, the words that follow those in registers. */
function changeBuffer(world: World, { cap }: Thread, kind: 'read-only' | 'without rights' | 'none'): void {
  if (kind === 'none') {
    world.must(cap, label.TCBSetIPCBuffer, [0], [0]);
    return;
  }
  const frame = world.copy(world.make(objectType.page), kind === 'read-only' ? right.read : 0);
  const { address } = world.cap(frame) as FrameCap;
  words(6).forEach((word, i) => {
    world.kernel.storeWord(address + 0x400 + 8 * (ipcBuffer.message + i), word);
  });
  world.must(cap, label.TCBSetIPCBuffer, [0x400], [frame]);
}
const words = (length: number): bigint[] => Array.from({ length }, (_, i) => 100n + BigInt(i));

describe('a message', () => {
  it('is counted by its sender', () => {
    const { world, endpoint, sender, receiver } = meeting();
    world.send(endpoint, [1]);
    expect([sender, receiver].map(({ tcb }) => tcb.messages)).toEqual([1, 0]);
  });

  it('has as many words as fit into registers when either side has no buffer', () => {
    for (const [whose, kind, arrives] of [
      ['sender', 'none', 4],
      ['receiver', 'none', 4],
      ['sender', 'read-only', 6],
      ['receiver', 'read-only', 4],
      ['sender', 'without rights', 4],
      ['receiver', 'without rights', 4],
    ] as const) {
      const { world, endpoint, sender, receiver, aside } = meeting();
      world.interruptRoot(aside);
      changeBuffer(world, { sender, receiver }[whose], kind);
      world.wait(aside);
      world.expectCurrent(sender);
      words(4).forEach((word, i) => {
        sender.tcb.context.setX(callRegister.message0 + i, word);
      });
      sender.tcb.context.setX(callRegister.messageInfo, messageInfoWord({ length: 6 }));
      sender.tcb.context.setX(callRegister.capability, BigInt(endpoint));
      world.ecall(systemCall.send);
      world.expectCurrent(receiver);
      const info = receiver.tcb.context.x(callRegister.messageInfo);
      expect([whose, kind, Number(info & 127n)]).toEqual([whose, kind, arrives]);
      for (let i = 0; i < 4; i++) expect(receiver.tcb.context.x(callRegister.message0 + i)).toBe(100n + BigInt(i));
      if (arrives < 6) continue;
      for (let i = 4; i < 6; i++) expect(world.bufferWord(receiver.tcb, ipcBuffer.message + i)).toBe(100n + BigInt(i));
    }
  });

  it('about a fault has four words for a handler that has no buffer to write to', () => {
    for (const kind of ['none', 'read-only'] as const) {
      const world = new World();
      const faults = world.endpoint();
      const handler = world.thread({ priority: 120, budget: 1000 });
      const thread = world.thread({ priority: 110, budget: 1000, faultEndpoint: faults });
      changeBuffer(world, handler, kind);
      world.stepAside();
      world.wait(faults);
      world.expectCurrent(thread);
      world.ecall(222);
      world.expectCurrent(handler);
      expect([kind, handler.tcb.context.x(callRegister.messageInfo)]).toEqual([
        kind,
        messageInfoWord({ label: 2, length: 4 }),
      ]);
    }
  });

  it('changes what it is made of, and nothing else of the receiver’s registers and buffer', () => {
    for (const length of [0, 3, 4, 5, 120]) {
      const { world, endpoint, receiver, sender } = meeting();
      const { context } = receiver.tcb;
      for (let i = 0; i < ipcBuffer.words; i++) {
        world.setBufferWord(receiver.tcb, i, 0xaaaan);
        world.setBufferWord(sender.tcb, i, 0xbbbbn);
      }
      for (let register = 1; register < 32; register++) sender.tcb.context.setX(register, 0xcccc_cccc_ccccn);
      const before = Array.from({ length: 32 }, (_, register) => context.x(register));
      const bigLabel = 2 ** 45 + 17;
      world.setMessage(bigLabel, words(length));
      sender.tcb.context.setX(callRegister.capability, BigInt(endpoint));
      world.ecall(systemCall.send);
      world.expectCurrent(receiver);
      expect(world.message()).toMatchObject({ label: bigLabel, words: words(length) });
      const inRegisters = Math.min(length, 4);
      for (let register = 0; register < 32; register++) {
        const isMessage =
          register === callRegister.badge ||
          register === callRegister.messageInfo ||
          (register >= callRegister.message0 && register < callRegister.message0 + inRegisters);
        if (!isMessage) expect([register, context.x(register)]).toEqual([register, before[register]]);
      }
      for (let i = 0; i < ipcBuffer.words; i++) {
        const isMessage = i >= ipcBuffer.message + 4 && i < ipcBuffer.message + length;
        if (!isMessage) expect([i, world.bufferWord(receiver.tcb, i)]).toEqual([i, 0xaaaan]);
      }
    }
  });

  it('to the kernel names no method with a label that only begins or ends like one', () => {
    const world = new World();
    const slot = world.freeSlot();
    const copy = (what: number) => world.invoke(cNode, what, [slot, 64, cNode, 64, allRights], [cNode]).label;
    for (const shift of [2 ** 20, 2 ** 32, 2 ** 40]) {
      for (const what of [shift, label.CNodeCopy * shift, label.CNodeCopy + shift])
        expect([what, copy(what)]).toEqual([what, 3]);
    }
    expect(copy(label.CNodeCopy)).toBe(0);
  });

  it('from the kernel has four words for who has no buffer to write to', () => {
    for (const kind of ['none', 'read-only', 'without rights'] as const) {
      const world = new World();
      const caller = world.thread({ priority: 110, budget: 1000 });
      const other = world.thread();
      changeBuffer(world, caller, kind);
      world.stepAside();
      world.expectCurrent(caller);
      const { context } = caller.tcb;
      context.setX(callRegister.message0, 0n);
      context.setX(callRegister.message0 + 1, 32n);
      context.setX(callRegister.messageInfo, messageInfoWord({ label: label.TCBReadRegisters, length: 2 }));
      context.setX(callRegister.capability, BigInt(other.cap));
      world.ecall(systemCall.call);
      expect([kind, context.x(callRegister.messageInfo)]).toEqual([kind, messageInfoWord({ length: 4 })]);
    }
  });
});

describe('capabilities beside a message', () => {
  it('are as many as the sender says: words behind them are not looked at', () => {
    const { world, endpoint, receiver, sender, into } = meeting();
    const gift = world.slot(endpoint).index;
    world.setBufferWord(sender.tcb, ipcBuffer.capsOrBadges + 1, 2n ** 40n);
    world.send(endpoint, [], [gift]);
    world.expectCurrent(receiver);
    expect(world.message()).toMatchObject({ extraCaps: 1, capsUnwrapped: 1 });
    expect(world.cap(into).type).toBe(capType.null);
  });

  it('that do not resolve are a fault of the sender that names the first of them', () => {
    const world = new World();
    const faults = world.endpoint();
    const endpoint = world.endpoint();
    const sender = world.thread({ priority: 110, budget: 1000, faultEndpoint: faults });
    world.wait(faults);
    world.expectCurrent(sender);
    world.send(endpoint, [], [endpoint, 2 ** 40 + 7, 2 ** 41]);
    expect(world.message()).toMatchObject({ label: 1 });
    expect(world.message().words.slice(1, 3)).toEqual([2n ** 40n + 7n, 0n]);
  });

  it('arrive, too, when the sender has come first', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const gift = world.notification();
    const into = world.freeSlot();
    const sender = world.thread({ priority: 120, budget: 1000 });
    const receiver = world.thread({ priority: 110, budget: 1000 });
    receiveInto(world, receiver, into);
    world.stepAside();
    world.expectCurrent(sender);
    world.send(endpoint, [1], [gift]);
    world.expectCurrent(receiver);
    // What others invoke meanwhile takes none of them.
    world.signal(gift);
    world.wait(endpoint);
    expect(world.cap(into).type).toBe(capType.notification);
    expect(receiver.tcb.context.x(callRegister.messageInfo)).toBe(messageInfoWord({ length: 1, extraCaps: 1 }));
  });

  it('take time, but not the place for them when none come', () => {
    const cyclesOf = (prepared: boolean, isGiven: boolean): number => {
      const { world, endpoint, receiver, aside } = meeting(prepared);
      world.interruptRoot(aside);
      const gift = world.notification();
      world.wait(aside);
      const start = world.clocks[0]!;
      world.send(endpoint, words(6), isGiven ? [gift] : []);
      world.expectCurrent(receiver);
      return world.clocks[0]! - start;
    };
    expect(cyclesOf(true, false)).toBe(cyclesOf(false, false));
    expect(cyclesOf(true, true)).toBeGreaterThan(cyclesOf(true, false));
  });

  it('of which a sender without a buffer speaks are none', () => {
    const { world, endpoint, receiver, sender, aside } = meeting();
    world.interruptRoot(aside);
    changeBuffer(world, sender, 'none');
    world.wait(aside);
    world.expectCurrent(sender);
    sender.tcb.context.setX(callRegister.messageInfo, messageInfoWord({ length: 1, extraCaps: 2 }));
    sender.tcb.context.setX(callRegister.capability, BigInt(endpoint));
    world.ecall(systemCall.send);
    world.expectCurrent(receiver);
    expect(receiver.tcb.context.x(callRegister.messageInfo)).toBe(messageInfoWord({ length: 1 }));
  });

  it('to the endpoint itself leave their badges, each in its place', () => {
    const { world, endpoint, receiver, aside } = meeting();
    world.interruptRoot(aside);
    const badges = [7, 8, 9].map((badge) => world.mint(endpoint, badge));
    world.wait(aside);
    world.send(endpoint, [], badges);
    world.expectCurrent(receiver);
    expect(world.message()).toMatchObject({ extraCaps: 3, capsUnwrapped: 7 });
    expect([0, 1, 2].map((i) => world.bufferWord(receiver.tcb, ipcBuffer.capsOrBadges + i))).toEqual([7n, 8n, 9n]);
  });

  it('to another endpoint arrive as capabilities', () => {
    const { world, endpoint, receiver, into, aside } = meeting();
    world.interruptRoot(aside);
    const other = world.mint(world.endpoint(), 5);
    world.wait(aside);
    world.send(endpoint, [], [other, other]);
    world.expectCurrent(receiver);
    // There is room for one.
    expect(world.message()).toMatchObject({ extraCaps: 1, capsUnwrapped: 0 });
    expect(world.cap(into)).toMatchObject({ type: capType.endpoint, badge: 5n });
  });

  it('that cannot be copied end the transfer, and the message arrives', () => {
    for (const which of ['untyped with children', 'control of interrupts'] as const) {
      const { world, endpoint, receiver, into, aside } = meeting();
      world.interruptRoot(aside);
      const untyped = world.make(objectType.untyped, 12);
      world.make(objectType.endpoint, 0, 1, untyped);
      const gift = which === 'untyped with children' ? untyped : initialCap.irqControl;
      world.wait(aside);
      world.send(endpoint, [3], [gift, endpoint]);
      world.expectCurrent(receiver);
      expect(world.message()).toMatchObject({ extraCaps: 0, capsUnwrapped: 0, words: [3n] });
      expect(world.cap(into).type).toBe(capType.null);
    }
  });

  it('stay behind where the receiver names no slot, or has no buffer', () => {
    for (const how of ['no such CNode', 'not a CNode', 'no buffer'] as const) {
      const { world, endpoint, receiver, sender, into, aside } = meeting();
      world.interruptRoot(aside);
      const gift = world.notification();
      if (how === 'no such CNode') receiveInto(world, receiver, into, 2 ** 40);
      if (how === 'not a CNode') receiveInto(world, receiver, into, endpoint);
      if (how === 'no buffer') changeBuffer(world, receiver, 'none');
      world.wait(aside);
      world.expectCurrent(sender);
      world.send(endpoint, [3], [gift, endpoint]);
      world.expectCurrent(receiver);
      const info = Number(receiver.tcb.context.x(callRegister.messageInfo));
      expect([how, info & 127, (info >> 7) & 3]).toEqual([how, 1, 0]);
      expect(world.cap(into).type).toBe(capType.null);
    }
  });

  it('all stay behind when one of them does not resolve any more by the time the receiver comes', () => {
    const world = new World();
    const endpoint = world.endpoint();
    // Sixteen slots for addresses that fit into four bits, or into eight of which the last four are left over.
    const [narrow, wide] = [60, 56].map((guardSize) => {
      const table = world.make(objectType.capTable, 4);
      const space = world.freeSlot();
      world.must(cNode, label.CNodeMint, [space, 64, table, 64, allRights, cNodeCapData(0n, guardSize)], [cNode]);
      for (const index of [0, 1, 3]) {
        world.must(table, label.CNodeCopy, [index, 4, endpoint, 64, allRights], [cNode]);
      }
      return space;
    }) as [number, number];
    const into = world.freeSlot();
    const receiver = world.thread({ priority: 100, budget: 1000 });
    const sender = world.thread({ priority: 110, budget: 1000 });
    world.must(sender.cap, label.TCBSetSpace, [0, 0], [0, wide, vspace]);
    receiveInto(world, receiver, into);
    const aside = world.notification();
    world.wait(aside);
    world.expectCurrent(sender);
    world.send(0x13, [5], [3, 0x13]);
    expect(sender.tcb.state).toBe(threadState.blockedOnSend);
    world.interruptRoot(aside);
    world.must(sender.cap, label.TCBSetSpace, [0, 0], [0, narrow, vspace]);
    world.wait(aside);
    world.expectCurrent(receiver);
    world.wait(endpoint);
    // The sender, more urgent, runs on.
    world.expectCurrent(sender);
    expect(receiver.tcb.context.x(callRegister.messageInfo)).toBe(messageInfoWord({ length: 1 }));
    expect(receiver.tcb.context.x(callRegister.message0)).toBe(5n);
  });
});
