// The first difference between two observations, and the channel that it came through.

import { badge as badges } from '../../guests/sdk/layout.ts';
import type { Plan } from '../plan/plan.ts';
import { sharings } from '../plan/sharing.ts';
import type { Moment, Observation } from './observation.ts';

/** How a secret got out. */
export type LeakKind = 'time' | 'scheduling' | 'message' | 'memory' | 'output' | 'registers';

export interface Leak {
  kind: LeakKind;
  /** What the observer could tell, and through what. */
  text: string;
  /** Cycles; undefined: only at the end of the run. */
  at: number | undefined;
}

/** Who watches whom, for the words. */
export interface Pair {
  from: string;
  to: string;
}

/** Undefined: the observer cannot tell the two runs apart. */
export function firstDifference(plan: Plan, pair: Pair, left: Observation, right: Observation): Leak | undefined {
  const count = Math.min(left.moments.length, right.moments.length);
  for (let index = 0; index < count; index++) {
    const [a, b] = [left.moments[index]!, right.moments[index]!];
    if (isSame(a, b)) continue;
    return describe(plan, pair, a, b);
  }
  if (left.moments.length !== right.moments.length) {
    const longer = left.moments.length > count ? left : right;
    const { thread, cycles, after } = longer.moments[count]!;
    return {
      kind: 'scheduling',
      text: `scheduling: ${thread} runs once more with one secret, after ${pair.from}'s ${after}`,
      at: cycles,
    };
  }
  if (left.output !== right.output) {
    return { kind: 'output', text: `output: ${pair.to} prints something else`, at: undefined };
  }
  for (const [object, digest] of left.memory) {
    if (right.memory.get(object) !== digest) return describeMemory(plan, pair, object);
  }
  return undefined;
}

const isSame = (a: Moment, b: Moment): boolean =>
  a.cycles === b.cycles &&
  a.digest === b.digest &&
  a.pc === b.pc &&
  a.kind === b.kind &&
  a.thread === b.thread &&
  a.hart === b.hart &&
  a.cause === b.cause;

function describe(plan: Plan, pair: Pair, a: Moment, b: Moment): Leak {
  const [early, late] = a.cycles <= b.cycles ? [a, b] : [b, a];
  const at = late.kind === 'runs' ? late.cycles : undefined;
  const act = `${pair.from}'s ${late.after}`;
  const channel = channelOf(plan, pair, a) ?? channelOf(plan, pair, b);
  if (channel !== undefined && (a.digest !== b.digest || a.kind !== b.kind)) {
    return { kind: 'message', text: `message on channel ${channel}, after ${act}`, at };
  }
  if (a.thread !== b.thread || a.hart !== b.hart || a.kind !== b.kind || a.cause !== b.cause) {
    return {
      kind: 'scheduling',
      text: `scheduling: ${told(a)} with one secret, ${told(b)} with another, after ${act}`,
      at,
    };
  }
  if (a.pc !== b.pc) {
    return {
      kind: 'scheduling',
      text: `scheduling: ${pair.to} is preempted at another instruction (${hex(a.pc)}, ${hex(b.pc)}) after ${act}`,
      at,
    };
  }
  if (a.cycles !== b.cycles) {
    const what = begins(plan, late) ? `${pair.to}'s window started` : `${late.thread} went on`;
    return { kind: 'time', text: `time: ${what} ${late.cycles - early.cycles} cycles late after ${act}`, at };
  }
  const shared = sharedBetween(plan, pair);
  return {
    kind: 'registers',
    text: `registers: ${a.thread} finds something else in its registers${a.cause === '' ? '' : ` after ${a.cause}`}${shared === '' ? '' : `; ${pair.from} and ${pair.to} share ${shared}`}`,
    at,
  };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const told = ({ thread, kind, cause }: Moment): string => `${thread} ${kind}${cause === '' ? '' : ` after ${cause}`}`;

/** Whether a thread that goes on does so because its window begins. */
const begins = ({ domainSchedules }: Plan, { hart, cause }: Moment): boolean =>
  cause === '' && domainSchedules.some((schedule) => schedule.hart === hart);

const receives = new Set(['', 'recv', 'nbRecv', 'wait', 'nbWait', 'replyRecv', 'nbSendRecv', 'nbSendWait']);

/** The channel from the sender that the observer has just heard of, by the badge that it found. */
function channelOf({ servers }: Plan, { from, to }: Pair, { kind, cause, badge }: Moment): string | undefined {
  if (kind !== 'runs' || !receives.has(cause)) return undefined;
  const channels = servers.find((server) => server.cell === to)?.channels ?? [];
  const isCall = (badge & badges.call) !== 0n;
  return channels.find(
    ({ number, peer }) =>
      peer === from &&
      (isCall
        ? (badge & badges.number) === BigInt(number)
        : badge < badges.fault && (badge & (1n << BigInt(number))) !== 0n),
  )?.channel;
}

const sharedBetween = (plan: Plan, { from, to }: Pair): string =>
  sharings(plan)
    .filter(({ cells }) => cells.includes(from) && cells.includes(to))
    .map(({ through }) => through)
    .join(', ');

function describeMemory(plan: Plan, pair: Pair, object: string): Leak {
  const owner = plan.objects.find(({ id }) => id === object)?.owner ?? object;
  const text = owner.startsWith('region ')
    ? `shared ${owner}`
    : owner.startsWith('channel ')
      ? `message on ${owner}`
      : `memory: ${object} of ${pair.to} has another content`;
  return { kind: owner.startsWith('channel ') ? 'message' : 'memory', text, at: undefined };
}
