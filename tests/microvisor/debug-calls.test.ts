import { describe, expect, it } from 'vitest';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { msgMaxLength } from '../../microvisor/abi/limits.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { lookupIPCBuffer } from '../../microvisor/message.ts';
import { capType, initialCap, label, objectType, systemCall, type Thread, World } from './world.ts';

/** Makes a debug call about a capability. Returns what is in its register then. */
function debugCall(world: World, number: number, cap = 0): bigint {
  const tcb = world.current();
  tcb.context.setX(callRegister.capability, BigInt(cap));
  world.ecall(number);
  return world.x(tcb, callRegister.capability);
}

/** Puts bytes where the message of the thread that runs begins. */
function writeMessageBytes(world: World, bytes: ArrayLike<number>): void {
  const { kernel } = world;
  const buffer = lookupIPCBuffer(kernel, true, world.current());
  kernel.machine.memory.u8.set(bytes, buffer + ipcBuffer.message * 8);
}
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** Two harts, and a thread for the second that is not started. */
function withThread(core = 1): { world: World; thread: Thread } {
  const world = new World({ harts: 2 });
  return { world, thread: world.thread({ priority: 50, budget: 1000, period: 10_000, core, resume: false }) };
}

describe('a debug call', () => {
  it('names a thread by the bytes in the message, of which 127 count', () => {
    const { world, thread } = withThread();
    writeMessageBytes(world, bytesOf('blinker'));
    debugCall(world, systemCall.debugNameThread, thread.cap);
    expect(thread.tcb.name).toBe('blinker');
    writeMessageBytes(world, bytesOf('n'.repeat(200)));
    debugCall(world, systemCall.debugNameThread, thread.cap);
    expect(thread.tcb.name).toBe('n'.repeat(127));
    expect(world.log).toEqual([]);
  });

  it('that names what is no thread, or by a name without end, halts and names nothing', () => {
    const { world, thread } = withThread();
    const { name } = thread.tcb;
    writeMessageBytes(world, bytesOf('blinker'));
    for (const cap of [world.endpoint(), world.freeSlot()]) {
      debugCall(world, systemCall.debugNameThread, cap);
      expect(world.log.splice(0)).toEqual(['SysDebugNameThread: not a TCB, or no IPC buffer']);
    }
    writeMessageBytes(world, new Uint8Array(msgMaxLength * 8).fill(0x61));
    debugCall(world, systemCall.debugNameThread, thread.cap);
    expect(world.log).toEqual(['SysDebugNameThread: name too long']);
    expect(thread.tcb.name).toBe(name);
  });

  it('that names a thread halts without a buffer to take the name from', () => {
    const { world, thread } = withThread(0);
    world.must(thread.cap, label.TCBSetIPCBuffer, [0], [0]);
    world.must(thread.cap, label.TCBResume);
    world.stepAside();
    world.expectCurrent(thread);
    debugCall(world, systemCall.debugNameThread, thread.cap);
    expect(world.log).toEqual(['SysDebugNameThread: not a TCB, or no IPC buffer']);
  });

  it('identifies a capability by its tag, and an empty slot or an address that leads nowhere by 0', () => {
    const { world, thread } = withThread();
    const identify = (cap: number): bigint => debugCall(world, systemCall.debugCapIdentify, cap);
    expect([
      identify(world.endpoint()),
      identify(world.notification()),
      identify(world.reply()),
      identify(thread.cap),
      identify(thread.sc),
      identify(world.make(objectType.page)),
      identify(initialCap.cNode),
      identify(initialCap.vspace),
      identify(initialCap.irqControl),
      identify(world.schedControl()),
    ]).toEqual([4n, 6n, 8n, 12n, 22n, 1n, 10n, 3n, 14n, 24n]);
    expect(identify(world.freeSlot())).toBe(0n);
    expect(identify(2 ** 40)).toBe(0n);
    world.expectCurrent({ tcb: world.rootTcb, cap: initialCap.tcb, sc: 0 });
  });

  it('that dumps the scheduler logs who runs on each hart, and who is ready', () => {
    const world = new World({ harts: 2 });
    const ready = world.thread({ priority: 50, budget: 1000 });
    world.thread({ priority: 40, budget: 1000, resume: false });
    debugCall(world, systemCall.debugDumpScheduler);
    expect(world.log).toEqual([
      'hart 0: "rootserver" running priority 255',
      `hart 0: "${ready.tcb.name}" restart priority 50, ready`,
      expect.stringMatching(/^hart 1: "idle.*" idle priority 0$/),
    ]);
  });

  it('that takes a snapshot, or halts, leaves a line with the name of who asked', () => {
    const world = new World();
    debugCall(world, systemCall.debugSnapshot);
    debugCall(world, systemCall.debugHalt);
    debugCall(world, systemCall.debugSendIpi);
    expect(world.log).toEqual([
      'Debug snapshot syscall from user thread "rootserver"',
      'Debug halt syscall from user thread "rootserver"',
      'SysDebugSendIPI: not supported on this architecture',
    ]);
  });

  it('tells on which hart a thread runs, and halts if it is no thread', () => {
    const { world, thread } = withThread();
    expect(debugCall(world, systemCall.debugGetThreadAffinity, thread.cap)).toBe(1n);
    expect(debugCall(world, systemCall.debugGetThreadAffinity, initialCap.tcb)).toBe(0n);
    expect(world.log).toEqual([]);
    const endpoint = world.endpoint();
    expect(debugCall(world, systemCall.debugGetThreadAffinity, endpoint)).toBe(BigInt(endpoint));
    expect(world.log).toEqual(['SysDebugGetThreadAffinity: not a TCB']);
  });

  it('is made by a thread whose budget does not suffice for any other', () => {
    const { world, thread } = withThread(0);
    world.must(thread.cap, label.TCBResume);
    world.stepAside();
    world.expectCurrent(thread);
    world.clocks[0] = world.deadlines[0]! - 1;
    expect(debugCall(world, systemCall.debugCapIdentify, thread.cap)).toBe(BigInt(capType.thread));
  });
});
