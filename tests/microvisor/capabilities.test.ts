import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { cNodeCapData, right } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { capAddress } from '../../microvisor/cspace/capability.ts';
import { type Capability, type EndpointCap, type UntypedCap, vmRights } from '../../microvisor/objects.ts';
import { allRights, capType, initialCap, label, objectType, systemCall, threadState, World } from './world.ts';

const cnode = initialCap.cNode;

/** A capability of the model, and where it was derived from. */
interface Derived {
  slot: number;
  parent: Derived | null;
  /** Whether what is derived from it is its child, and not its sibling. */
  isParent: boolean;
  badge: number;
}

/** What a capability allows, as bits of a CapRights word. */
function rightsOf(cap: Capability): number {
  const bit = (has: boolean, which: number): number => (has ? which : 0);
  switch (cap.type) {
    case capType.endpoint:
      return (
        bit(cap.canSend, right.write) |
        bit(cap.canReceive, right.read) |
        bit(cap.canGrant, right.grant) |
        bit(cap.canGrantReply, right.grantReply)
      );
    case capType.notification:
      return bit(cap.canSend, right.write) | bit(cap.canReceive, right.read);
    case capType.reply:
      return bit(cap.canGrant, right.grant);
    case capType.frame:
      return (
        { [vmRights.readWrite]: right.read | right.write, [vmRights.readOnly]: right.read }[cap.rights as number] ?? 0
      );
    default:
      return -1;
  }
}

/** The sizes of objects that fit into 32 KiB twice, with the size that the user chooses. */
const objectBits: Record<number, { user: number; size: number }> = {
  [objectType.untyped]: { user: 9, size: 9 },
  [objectType.tcb]: { user: 0, size: 11 },
  [objectType.endpoint]: { user: 0, size: 4 },
  [objectType.notification]: { user: 0, size: 6 },
  [objectType.capTable]: { user: 3, size: 8 },
  [objectType.schedContext]: { user: 8, size: 8 },
  [objectType.reply]: { user: 0, size: 5 },
  [objectType.page]: { user: 0, size: 12 },
  [objectType.pageTable]: { user: 0, size: 12 },
  [objectType.vcpu]: { user: 0, size: 12 },
};

describe('capabilities', () => {
  it('no cell can name what its CSpace lacks', () => {
    const world = new World();
    const faults = world.endpoint();
    const own = { endpoint: world.endpoint(), notification: world.notification() };
    const others = { endpoint: world.endpoint(), notification: world.notification(), thread: world.thread() };
    // Sixteen slots and a guard of sixty zero bits: addresses 0 to 15, of which four hold something.
    const table = world.make(objectType.capTable, 4);
    const space = world.freeSlot();
    world.must(cnode, label.CNodeMint, [space, 64, table, 64, allRights, cNodeCapData(0n, 60)], [cnode]);
    const held = new Map([
      [1, space],
      [3, own.endpoint],
      [9, own.notification],
      [15, faults],
    ]);
    for (const [index, source] of held) {
      world.must(space, label.CNodeCopy, [index, 64, source, 64, allRights], [cnode]);
    }
    const cell = world.thread({ priority: 100, budget: 1000 });
    world.must(cell.cap, label.TCBSetSpace, [0, 0], [faults, space, initialCap.vspace]);
    /** Lets the cell do one thing. Label and words of its answer, or of the fault that its handler receives instead. */
    const probe = (what: () => void): { label: number; words: bigint[]; isFault: boolean } => {
      world.wait(faults);
      world.expectCurrent(cell);
      what();
      const isFault = world.current() !== cell.tcb;
      const { label: outcome, words } = world.message();
      if (!isFault) world.call(16);
      world.must(cell.cap, label.TCBSuspend);
      world.must(cell.cap, label.TCBResume);
      return { label: outcome, words, isFault };
    };
    const anywhere = fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.nat(2 ** 13).map(BigInt),
      fc.nat(63).map((bit) => (1n << BigInt(bit)) | 3n),
      fc.constantFrom(...Object.values(others).map((slot) => BigInt(typeof slot === 'number' ? slot : slot.cap))),
    );
    fc.assert(
      fc.property(anywhere, (address) => {
        if (address < 16n && held.has(Number(address))) return;
        const isSlot = address < 16n;
        for (const number of [systemCall.call, systemCall.send, systemCall.recv, systemCall.wait]) {
          const receives = number === systemCall.recv || number === systemCall.wait;
          const outcome = probe(() => {
            world.setMessage(label.TCBSuspend, []);
            world.current().context.setX(callRegister.capability, BigInt.asIntN(64, address));
            world.ecall(number);
          });
          expect([number, outcome.isFault]).toEqual([number, receives || !isSlot]);
          if (outcome.isFault) expect([outcome.label, outcome.words[1]]).toEqual([1, address]);
          else if (number === systemCall.call) expect(outcome.label).toBe(2);
        }
        // Nor beside a message, nor as the source of a copy, nor as its destination.
        const beside = probe(() => {
          world.setBufferWord(cell.tcb, ipcBuffer.capsOrBadges, address);
          world.current().context.setX(callRegister.messageInfo, messageInfoWord({ extraCaps: 1 }));
          world.current().context.setX(callRegister.capability, 9n);
          world.ecall(systemCall.send);
        });
        expect(beside.isFault).toBe(!isSlot);
        const from = probe(() => world.call(1, label.CNodeCopy, [2, 64, address, 64, allRights], [1]));
        expect(from.label).toBe(6);
        if (isSlot) return;
        const to = probe(() => world.call(1, label.CNodeCopy, [address, 64, 9, 64, allRights], [1]));
        expect(to.label).toBe(6);
      }),
      { numRuns: 30 },
    );
    world.recv(others.notification, 0, systemCall.nbWait);
    expect(world.badge).toBe(0n);
    expect(others.thread.tcb.state).toBe(threadState.restart);
  });

  it('an address that does not resolve is a cap fault of the caller', () => {
    const world = new World();
    const faults = world.endpoint();
    world.thread({ priority: 100, budget: 1000, faultEndpoint: faults });
    world.wait(faults);
    world.call(2 ** 30, 1);
    expect(world.message()).toMatchObject({ label: 1 });
    expect(world.message().words.slice(1)).toEqual([2n ** 30n, 0n, 4n, 64n, 0n, 51n]);
  });

  it("derived rights never exceed the parent's", () => {
    const world = new World();
    const sources = [world.endpoint(), world.notification(), world.reply(), world.make(objectType.page)];
    for (const source of sources) {
      const all = rightsOf(world.cap(source));
      for (let mask = 0; mask <= allRights; mask++) {
        const parent = world.copy(source, mask);
        const held = rightsOf(world.cap(parent));
        expect(held & ~(mask & all)).toBe(0);
        for (let more = 0; more <= allRights; more++) {
          const child = more % 2 === 0 ? world.copy(parent, more) : world.mint(parent, 0, more);
          expect(rightsOf(world.cap(child)) & ~(held & more)).toBe(0);
          if (source === sources[0]) expect(rightsOf(world.cap(child))).toBe(held & more);
          world.delete(child);
        }
        world.delete(parent);
      }
    }
  });

  it('revoke removes all descendants and only those', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('copy', 'mint', 'mint', 'mint', 'move', 'delete', 'revoke', 'revoke'),
        which: fc.nat(1000),
        badge: fc.integer({ min: 1, max: 2 }),
      }),
      { minLength: 10, maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const world = new World();
        let nodes: Derived[] = [
          { slot: world.endpoint(), parent: null, isParent: true, badge: 0 },
          { slot: world.notification(), parent: null, isParent: true, badge: 0 },
        ];
        const isBelow = (node: Derived, ancestor: Derived): boolean =>
          node.parent !== null && (node.parent === ancestor || isBelow(node.parent, ancestor));
        for (const { what, which, badge } of all) {
          if (nodes.length === 0) return;
          const source = nodes[which % nodes.length]!;
          if (what === 'copy' || what === 'mint') {
            const isNew = what === 'mint' && source.badge === 0;
            if (what === 'mint' && !isNew) continue;
            const slot = isNew ? world.mint(source.slot, badge) : world.copy(source.slot);
            nodes.push({
              slot,
              parent: source.isParent ? source : source.parent,
              isParent: isNew,
              badge: isNew ? badge : source.badge,
            });
          } else if (what === 'move') {
            const slot = world.freeSlot();
            world.must(cnode, label.CNodeMove, [slot, 64, source.slot, 64], [cnode]);
            source.slot = slot;
          } else if (what === 'delete') {
            world.delete(source.slot);
            nodes = nodes.filter((node) => node !== source);
            for (const node of nodes) if (node.parent === source) node.parent = source.parent;
          } else {
            world.revoke(source.slot);
            const gone = nodes.filter((node) => isBelow(node, source));
            nodes = nodes.filter((node) => !gone.includes(node));
            expect(gone.filter(({ slot }) => world.cap(slot).type !== capType.null)).toEqual([]);
          }
          expect(nodes.filter(({ slot }) => world.cap(slot).type === capType.null)).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('revoking an untyped takes all that was made of it, wherever it went, and nothing else', () => {
    const world = new World();
    const neighbour = world.make(objectType.untyped, 16);
    const untyped = world.make(objectType.untyped, 16);
    const inner = world.make(objectType.untyped, 14, 1, untyped);
    const made = [objectType.endpoint, objectType.page, objectType.tcb, objectType.reply].map((type) =>
      world.make(type, 0, 1, inner),
    );
    const table = world.make(objectType.capTable, 4, 1, untyped);
    const other = world.endpoint();
    const copies = [world.copy(made[0]!), world.mint(made[0]!, 7)];
    world.must(table, label.CNodeCopy, [3, 4, other, 64, allRights], [cnode]);
    world.revoke(untyped);
    for (const slot of [inner, ...made, table, ...copies]) expect(world.cap(slot).type).toBe(capType.null);
    expect(world.cap(other).type).toBe(capType.endpoint);
    expect(world.cap(neighbour).type).toBe(capType.untyped);
    world.make(objectType.untyped, 15, 2, untyped);
  });

  it('revoke of a large tree is preemptible and resumes', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const children = Array.from({ length: 350 }, () => world.copy(endpoint));
    const left = (): number => children.filter((slot) => world.cap(slot).type !== capType.null).length;
    const tick = world.notification();
    const urgent = world.thread({ priority: 255, budget: 1000 });
    world.must(initialCap.tcb, label.TCBSetPriority, [200], [initialCap.tcb]);
    world.expectCurrent(urgent);
    world.wait(tick);
    const handler = world.freeSlot();
    world.must(initialCap.irqControl, label.IRQIssueIRQHandler, [7, handler, 64], [cnode]);
    world.must(handler, label.IRQSetIRQHandler, [], [world.mint(tick, 1)]);
    const { context } = world.rootTcb;
    const { pc } = context;
    world.pending = true;
    for (const rest of [250, 150, 50]) {
      world.call(cnode, label.CNodeRevoke, [endpoint, 64]);
      expect(left()).toBe(rest);
      // The system call has not happened yet: whoever is more urgent runs, then it is made again.
      expect(context.pc).toBe(pc);
      world.interrupt(7);
      world.expectCurrent(urgent);
      world.must(handler, label.IRQAckIRQ);
      world.wait(tick);
      expect(world.current() === world.rootTcb).toBe(true);
    }
    world.call(cnode, label.CNodeRevoke, [endpoint, 64]);
    expect(left()).toBe(0);
    expect(context.pc).toBe(pc + 4n);
    expect(world.message().label).toBe(0);
  });

  it('a badge cannot be changed by its holder', () => {
    for (const object of ['endpoint', 'notification'] as const) {
      const world = new World();
      const badged = world.mint(world[object](), 5);
      const pivot = world.endpoint();
      const slot = world.freeSlot();
      const refused = (operation: number, words: number[], caps = [cnode]) =>
        expect(world.invoke(cnode, operation, words, caps)).toMatchObject({ label: 3 });
      for (const badge of [0, 6, 5]) {
        refused(label.CNodeMint, [slot, 64, badged, 64, allRights, badge]);
        refused(label.CNodeMutate, [slot, 64, badged, 64, badge]);
        refused(label.CNodeRotate, [slot, 64, badge, pivot, 64, badge, badged, 64], [cnode, cnode]);
      }
      const copy = world.copy(world.copy(badged), right.write);
      world.must(cnode, label.CNodeMove, [slot, 64, badged, 64], [cnode]);
      for (const held of [copy, slot]) expect((world.cap(held) as EndpointCap).badge).toBe(5n);
    }
  });

  it('delete while a peer is blocked unblocks it', () => {
    const waits: { object: 'endpoint' | 'notification'; block(world: World, cap: number, reply: number): void }[] = [
      { object: 'endpoint', block: (world, cap) => world.call(cap, 1) },
      { object: 'endpoint', block: (world, cap) => world.send(cap) },
      { object: 'endpoint', block: (world, cap, reply) => world.recv(cap, reply) },
      { object: 'notification', block: (world, cap) => world.wait(cap) },
    ];
    for (const { object, block } of waits) {
      const world = new World();
      const faults = world.endpoint();
      const cap = world[object]();
      const copy = world.copy(cap);
      const peers = [110, 109].map((priority) => world.thread({ priority, budget: 1000, faultEndpoint: faults }));
      const replies = peers.map(() => world.reply());
      const { pc } = peers[0]!.tcb.context;
      const aside = world.stepAside();
      peers.forEach((peer, i) => {
        world.expectCurrent(peer);
        block(world, cap, replies[i]!);
      });
      world.interruptRoot(aside);
      world.delete(copy);
      const states = (): number[] => peers.map(({ tcb }) => tcb.state);
      expect(states()).not.toContain(threadState.restart);
      world.delete(cap);
      expect(states()).toEqual([threadState.restart, threadState.restart]);
      // They make their system call again, and find nothing there.
      world.wait(faults);
      world.expectCurrent(peers[0]!);
      expect(world.current().context.pc).toBe(pc);
      world.call(cap, 1);
      expect(world.message()).toMatchObject({ label: 2 });
      world.wait(cap);
      expect(world.message()).toMatchObject({ label: 1 });
    }
  });

  it('a caller whose reply object is deleted waits no longer, and can be resumed', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const client = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    world.call(endpoint, 1);
    world.interruptRoot(aside);
    world.recv(endpoint, reply);
    expect(client.tcb.state).toBe(threadState.blockedOnReply);
    world.delete(reply);
    expect(client.tcb.state).toBe(threadState.inactive);
    world.must(client.cap, label.TCBResume);
    world.wait(aside);
    world.expectCurrent(client);
  });

  it('two capabilities with one badge are not each other’s descendants, nor are their copies', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const first = world.mint(endpoint, 5);
    const copy = world.copy(first);
    const second = world.mint(endpoint, 5);
    world.revoke(second);
    expect([first, copy].map((slot) => world.cap(slot).type)).toEqual([capType.endpoint, capType.endpoint]);
    world.delete(first);
    world.revoke(second);
    expect(world.cap(copy).type).toBe(capType.endpoint);
  });

  it('cancelling badged sends restarts those with the badge only', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const [five, six] = [world.mint(endpoint, 5), world.mint(endpoint, 6)];
    const threads = [world.thread({ priority: 110, budget: 1000 }), world.thread({ priority: 109, budget: 1000 })];
    const aside = world.stepAside();
    world.send(five);
    world.send(six);
    world.interruptRoot(aside);
    world.must(cnode, label.CNodeCancelBadgedSends, [five, 64]);
    expect(threads.map(({ tcb }) => tcb.state)).toEqual([threadState.restart, threadState.blockedOnSend]);
  });

  it('operations on CNodes say where an address leads nowhere', () => {
    const world = new World();
    const table = world.make(objectType.capTable, 4);
    const guarded = world.freeSlot();
    world.must(cnode, label.CNodeMint, [guarded, 64, table, 64, allRights, cNodeCapData(0x5n, 8)], [cnode]);
    const endpoint = world.endpoint();
    const copyTo = (index: number, depth: number) =>
      world.invoke(guarded, label.CNodeCopy, [index, depth, endpoint, 64, allRights], [cnode]);
    expect(copyTo(0x53, 12).label).toBe(0);
    expect(copyTo(0x53, 12).label).toBe(8);
    // Guard mismatch: bits left 12, guard 5, of 8 bits.
    expect(copyTo(0x63, 12)).toEqual({ label: 6, words: [0n, 4n, 12n, 5n, 8n] });
    // Depth mismatch: 12 bits found, 10 left.
    expect(copyTo(0x14, 10)).toEqual({ label: 6, words: [0n, 3n, 10n, 12n] });
    // One bit is left over at an endpoint.
    expect(copyTo(0x53 << 1, 13)).toEqual({ label: 6, words: [0n, 3n, 1n, 0n] });
    expect(copyTo(0x53, 0)).toEqual({ label: 4, words: [1n, 64n] });
    expect(copyTo(0x53, 65)).toEqual({ label: 4, words: [1n, 64n] });
    // A guard wider than 32 bits.
    const wide = world.freeSlot();
    world.must(cnode, label.CNodeMint, [wide, 64, table, 64, allRights, cNodeCapData(0x1_2345_6789n, 40)], [cnode]);
    const at = (0x1_2345_6789n << 4n) | 9n;
    expect(world.invoke(wide, label.CNodeCopy, [at, 44, endpoint, 64, allRights], [cnode]).label).toBe(0);
    expect(world.invoke(wide, label.CNodeCopy, [at ^ (1n << 40n), 44, endpoint, 64, allRights], [cnode]).label).toBe(6);
  });

  it('move, mutate and rotate keep the derivation', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const badged = world.mint(endpoint, 1);
    const moved = world.freeSlot();
    world.must(cnode, label.CNodeMove, [moved, 64, badged, 64], [cnode]);
    expect(world.cap(badged).type).toBe(capType.null);
    const [a, b] = [world.reply(), world.reply()];
    const [capA, capB] = [world.cap(a), world.cap(b)];
    const into = world.freeSlot();
    world.must(cnode, label.CNodeRotate, [into, 64, 0, a, 64, 0, b, 64], [cnode, cnode]);
    expect([world.cap(into), world.cap(a), world.cap(b).type]).toEqual([capA, capB, capType.null]);
    // Source and destination alike: a swap.
    world.must(cnode, label.CNodeRotate, [into, 64, 0, a, 64, 0, into, 64], [cnode, cnode]);
    expect([world.cap(into), world.cap(a)]).toEqual([capB, capA]);
    // An endpoint's badge can't be written twice, so it can't be rotated with new data at all.
    expect(world.invoke(cnode, label.CNodeRotate, [b, 64, 0, a, 64, 0, moved, 64], [cnode, cnode]).label).toBe(3);
    world.revoke(endpoint);
    expect(world.cap(moved).type).toBe(capType.null);
  });

  it('Untyped: alignment, exhaustion, reset when the last child dies', () => {
    for (const [type, bits] of Object.entries(objectBits)) {
      const world = new World();
      const untyped = world.make(objectType.untyped, 15);
      world.make(objectType.endpoint, 0, 1, untyped);
      const first = world.make(Number(type), bits.user, 2, untyped);
      for (const slot of [first, first + 1]) expect(capAddress(world.cap(slot)) % 2 ** bits.size).toBe(0);
      expect(capAddress(world.cap(first + 1)) - capAddress(world.cap(first))).toBe(2 ** bits.size);
    }

    const world = new World();
    const untyped = world.make(objectType.untyped, 13);
    const at = (slot: number): number => (world.cap(slot) as { address: number }).address;
    const reply = world.make(objectType.reply, 0, 1, untyped);
    const page = world.make(objectType.page, 0, 1, untyped);
    expect(at(page)).toBe((world.cap(untyped) as UntypedCap).address + 4096);
    expect(at(page) % 4096).toBe(0);
    const retype = (type: number, size = 0, count = 1) =>
      world.invoke(untyped, label.UntypedRetype, [type, size, 0, 0, world.freeSlot(), count], [cnode]);
    expect(retype(objectType.endpoint)).toEqual({ label: 10, words: [0n] });
    // What the page holds is gone when the memory is used again.
    world.kernel.storeWord(at(page), 0x1234n);
    world.delete(page);
    expect(retype(objectType.page).label).toBe(10);
    world.delete(reply);
    const again = world.make(objectType.page, 0, 2, untyped);
    expect(world.kernel.loadWord(at(again + 1))).toBe(0n);
  });

  it('retype checks its arguments in seL4’s order', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 12);
    const retype = (type: number, size: number, depth = 0, offset = world.freeSlot(), count = 1) =>
      world.invoke(untyped, label.UntypedRetype, [type, size, 0, depth, offset, count], [cnode]);
    expect(retype(99, 99)).toEqual({ label: 1, words: [0n] });
    expect(retype(objectType.untyped, 64)).toEqual({ label: 4, words: [0n, 38n] });
    expect(retype(objectType.capTable, 0)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.untyped, 3)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.schedContext, 6)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.endpoint, 0, 64)).toMatchObject({ label: 6 });
    expect(retype(objectType.endpoint, 0, 0, 8192)).toEqual({ label: 4, words: [0n, 8191n] });
    expect(retype(objectType.endpoint, 0, 0, 8000, 257)).toEqual({ label: 4, words: [1n, 256n] });
    expect(retype(objectType.endpoint, 0, 0, 8190, 3)).toEqual({ label: 4, words: [1n, 2n] });
    expect(retype(objectType.endpoint, 0, 0, 0, 2)).toMatchObject({ label: 8 });
    expect(retype(objectType.page, 0, 0, 8000, 2)).toEqual({ label: 10, words: [4096n] });
    expect(world.invoke(untyped, label.UntypedRetype, [objectType.endpoint, 0, 0, 0, 0])).toMatchObject({ label: 7 });
    expect(world.invoke(untyped, label.TCBSuspend)).toMatchObject({ label: 3 });
  });

  it('device memory makes frames and untypeds only', () => {
    const world = new World();
    let device = 16;
    for (;;) {
      const cap = world.cap(device);
      if (cap.type === capType.untyped && cap.device && cap.sizeBits >= 20) break;
      device++;
    }
    const retype = (type: number) =>
      world.invoke(device, label.UntypedRetype, [type, 0, 0, 0, world.freeSlot(), 1], [cnode]);
    expect(retype(objectType.endpoint)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.page).label).toBe(0);
  });

  it('a restart leaves no stale handle usable', () => {
    const world = new World();
    const cell = world.make(objectType.untyped, 14);
    const endpoint = world.make(objectType.endpoint, 0, 1, cell);
    const tcb = world.make(objectType.tcb, 0, 1, cell);
    const stale = [world.mint(endpoint, 7), world.copy(endpoint), world.copy(tcb)];
    const aside = world.notification();
    const client = world.thread({ priority: 110, budget: 1000 });
    world.wait(aside);
    world.call(stale[0]!, 1);
    world.interruptRoot(aside);
    // The supervisor takes the cell's memory back, and makes the same cell in it.
    world.revoke(cell);
    const again = [world.make(objectType.endpoint, 0, 1, cell), world.make(objectType.tcb, 0, 1, cell)];
    expect(again.map((slot) => capAddress(world.cap(slot)))).not.toContain(-1);
    for (const slot of stale) {
      expect(world.invoke(slot, label.TCBResume)).toMatchObject({ label: 2 });
    }
    expect(client.tcb.state).toBe(threadState.restart);
    world.wait(aside);
    world.expectCurrent(client);
    world.call(stale[0]!, 1);
    expect(world.message()).toMatchObject({ label: 2 });
    world.wait(aside);
    expect(world.isIdle).toBe(true);
  });

  it('a deleted thread leaves nothing behind', () => {
    const world = new World();
    const free = world.kernel.contextsLeft;
    const thread = world.thread({ priority: 100, budget: 1000 });
    const copies = [world.copy(thread.cap), world.copy(thread.cap)];
    world.revoke(thread.cap);
    expect(copies.map((slot) => world.cap(slot).type)).toEqual([capType.null, capType.null]);
    world.delete(thread.cap);
    expect(world.invoke(thread.cap, label.TCBResume)).toMatchObject({ label: 2 });
    expect(world.kernel.contextsLeft).toBe(free);
  });

  it('a CNode that holds its own capability can be deleted', () => {
    const world = new World();
    const table = world.make(objectType.capTable, 4);
    for (const index of [0, 3]) {
      world.must(table, label.CNodeCopy, [index, 4, table, 64, allRights], [cnode]);
    }
    world.must(table, label.CNodeCopy, [15, 4, world.endpoint(), 64, allRights], [cnode]);
    world.must(cnode, label.CNodeMove, [world.freeSlot(), 64, table, 64], [cnode]);
    const held = world.freeSlot() - 1;
    world.revoke(held);
    world.delete(held);
    expect(world.cap(held).type).toBe(capType.null);
  });
});
