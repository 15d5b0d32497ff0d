// What a cell can observe of a system: each time that the kernel lets one of its threads run, what it finds in its registers then,
// what it has printed, and in the end its memory. What it does in between follows from that.

import { exceptions } from '../../hw/hart/causes.ts';
import type { Context } from '../../hw/hart/context.ts';
import { invocationNames } from '../../microvisor/abi/invocation-labels.ts';
import { callRegister, systemCall } from '../../microvisor/abi/system-calls.ts';
import { capType, type Tcb, tcbSlot } from '../../microvisor/objects.ts';
import type { System } from '../boot/system.ts';
import { emptyDigest, mix } from './digest.ts';

/** An entry into the kernel that a thread of the observer came out of, or went into and did not come back. */
export interface Moment {
  thread: string;
  hart: number;
  /** `runs`: it goes on, at `cycles`; `stops`: another goes on, when is not for it to know. */
  kind: 'runs' | 'stops';
  cycles: number;
  /** Why its thread entered the kernel; empty when another's entry let it run. */
  cause: string;
  pc: bigint;
  /** Of all registers. */
  digest: number;
  badge: bigint;
  /** What the sender did last. */
  after: string;
}

export interface Observation {
  moments: Moment[];
  output: string;
  /** Digest of the memory that the observer maps, by frame object of the plan; and of the state of its servers in TypeScript. */
  memory: Map<string, number>;
  /** Of what the sender did: if no two secrets make a difference here, nothing was tested. */
  sender: { entries: number; digest: number };
  overruns: number;
}

function digestOf(context: Context): number {
  let digest = emptyDigest;
  for (let register = 1; register < 32; register++) {
    digest = mix(mix(digest, context.xLow(register)), context.xHigh(register));
  }
  return digest;
}

const callNames = new Map<number, string>(Object.entries(systemCall).map(([name, number]) => [number, name]));
const causeNames = new Map<number, string>(Object.entries(exceptions).map(([name, number]) => [number, name]));

/** What a thread asks for with its ecall. */
function describeCall(context: Context): string {
  const number = context.xLow(callRegister.number) | 0;
  const name = callNames.get(number) ?? `system call ${number}`;
  const label = Number((context.x(callRegister.messageInfo) >> 12n) & 0xffn);
  const sends = number === systemCall.call || number === systemCall.send || number === systemCall.nbSend;
  return sends && label > 0 ? (invocationNames[label] ?? name) : name;
}

export class Observer {
  private readonly moments: Moment[] = [];
  private output = '';
  private readonly cells = new Map<Tcb, string>();
  private readonly running: Tcb[];
  private readonly causes: (string | undefined)[];
  private after = 'nothing';
  private sender = { entries: 0, digest: emptyDigest };

  constructor(
    private readonly system: System,
    private readonly from: string,
    private readonly to: string,
  ) {
    const { machine, microvisor, kernel } = system;
    this.running = kernel.nodes.map(({ current }) => current);
    this.causes = kernel.nodes.map(() => undefined);
    machine.onTrap = ({ id, context }, cause, interrupt) => {
      this.causes[id] = interrupt
        ? 'an interrupt'
        : cause === exceptions.userEcall
          ? describeCall(context)
          : (causeNames.get(cause) ?? `exception ${cause}`);
    };
    const before = microvisor.afterEntry;
    microvisor.afterEntry = (hart) => {
      before?.(hart);
      this.entered(hart);
    };
  }

  print(cell: string | undefined, bytes: Uint8Array): void {
    if (cell === this.to) this.output += new TextDecoder('latin1').decode(bytes);
  }

  private entered(hart: number): void {
    const { kernel, isBooted, plan, machine } = this.system;
    const { current } = kernel.nodes[hart]!;
    const before = this.running[hart]!;
    const cause = this.causes[hart] ?? (before.realm === null ? 'the timer' : describeCall(before.context));
    this.running[hart] = current;
    this.causes[hart] = undefined;
    if (!isBooted) return;
    if (this.cells.size === 0) {
      const cellOf = new Map(plan.threads.map(({ tcb, cell }) => [tcb, cell]));
      for (const tcb of kernel.threads) {
        const cell = cellOf.get(tcb.name);
        if (cell !== undefined) this.cells.set(tcb, cell);
      }
    }
    if (this.cells.get(before) === this.from) {
      this.after = cause;
      this.sender.entries++;
      this.sender.digest = mix(this.sender.digest, digestOf(before.context));
    }
    const runs = this.cells.get(current) === this.to;
    const ran = this.cells.get(before) === this.to;
    if (ran && before !== current) this.note(hart, before, 'stops', cause, 0);
    if (runs) this.note(hart, current, 'runs', ran ? cause : '', machine.cycles(machine.harts[hart]!));
  }

  private note(hart: number, { name, context }: Tcb, kind: Moment['kind'], cause: string, cycles: number): void {
    const { after } = this;
    const digest = digestOf(context);
    const badge = BigInt.asUintN(64, context.x(callRegister.badge));
    this.moments.push({ thread: name, hart, kind, cycles, cause, pc: context.pc, digest, badge, after });
  }

  /** When the run is over. */
  finish(): Observation {
    const { moments, output, sender } = this;
    const overruns = this.system.kernel.nodes.reduce((sum, node) => sum + node.overruns, 0);
    return { moments, output, memory: this.memory(), sender, overruns };
  }

  private memory(): Map<string, number> {
    const { plan, kernel, machine } = this.system;
    const digests = new Map<string, number>();
    for (const [tcb, cell] of this.cells) {
      if (cell !== this.to || tcb.realm === null) continue;
      let digest = emptyDigest;
      for (const character of JSON.stringify(tcb.realm.save())) digest = mix(digest, character.charCodeAt(0));
      digests.set(`state of ${tcb.name}`, digest);
    }
    const bootTask = kernel.threads.find(({ name }) => name === 'rootserver')!;
    const root = bootTask.slots.slot(tcbSlot.cTable).cap;
    if (root.type !== capType.cNode) return digests;
    const { u32 } = machine.memory;
    const counts = new Map(plan.objects.map(({ id, count }) => [id, count]));
    const mapped = plan.addressSpaces.filter(({ cell }) => cell === this.to).flatMap(({ mappings }) => mappings);
    for (const { object } of mapped) {
      const first = this.system.slotOf(object);
      if (first === undefined) continue;
      let digest = emptyDigest;
      for (let index = 0; index < counts.get(object)!; index++) {
        const { cap } = root.node.slot(first + index);
        if (cap.type !== capType.frame || cap.device) continue;
        const at = machine.memory.hostAddress(cap.address) >>> 2;
        for (let word = at; word < at + 2 ** (cap.sizeBits - 2); word++) digest = mix(digest, u32[word]!);
      }
      digests.set(object, digest);
    }
    return digests;
  }
}
