// Windows become domains: cells that share a window of a hart share a domain, and each mode has a schedule per hart. Domains of
// different harts have different numbers, so that a thread that moves never runs in somebody else's window.

import type { Manifest, Mode } from '../manifest/model.ts';
import type { DomainSchedule, Plan, Thread } from './plan.ts';

/** Domain of harts without windows, and of the time between windows: threads of a windowed hart are never in it. */
export const idleDomain = 0;

export function planDomains(plan: Plan, manifest: Manifest): void {
  for (const mode of manifest.schedule?.modes ?? []) planMode(plan, manifest, mode);
}

function planMode(plan: Plan, manifest: Manifest, mode: Mode): void {
  /** By hart and cell. */
  const domainOf = new Map<string, number>();
  let domains = 0;
  const schedules = mode.harts.map(({ hart, frame }): DomainSchedule => {
    const entries: DomainSchedule['entries'] = [];
    let at = 0;
    for (const window of frame.windows) {
      if (window.at > at) entries.push({ domain: idleDomain, atNs: at, lengthNs: window.at - at });
      if (!domainOf.has(`${hart} ${window.cells[0]}`)) {
        domains++;
        for (const cell of window.cells) domainOf.set(`${hart} ${cell}`, domains);
      }
      entries.push({ domain: domainOf.get(`${hart} ${window.cells[0]}`)!, atNs: window.at, lengthNs: window.for });
      at = window.at + window.for;
    }
    if (at < frame.frame) entries.push({ domain: idleDomain, atNs: at, lengthNs: frame.frame - at });
    return { mode: mode.name, hart, frameNs: frame.frame, entries, domains: [] };
  });
  // A thread that this mode gives no window must never run in it: a domain that no entry names.
  const never = domains + 1;
  const own = ({ hart, cell }: Pick<Thread, 'hart' | 'cell'>): number =>
    domainOf.get(`${hart} ${cell}`) ?? (schedules.some((each) => each.hart === hart) ? never : idleDomain);
  /** A passive server without a window of its own runs in its callers', if they have one in common. */
  const callersOf = ({ cell }: Thread): Thread[] => {
    const callers = manifest.channels.filter(({ type, to }) => type === 'rpc' && to === cell).map(({ from }) => from);
    return plan.threads.filter((thread) => callers.includes(thread.cell));
  };
  for (const thread of plan.threads) {
    let domain = own(thread);
    if (thread.passive && !domainOf.has(`${thread.hart} ${thread.cell}`)) {
      const theirs = new Set(callersOf(thread).map(own));
      if (theirs.size === 1) [domain = idleDomain] = theirs;
    }
    const where = schedules.find((each) =>
      each.entries.some((entry) => entry.domain === domain && domain !== idleDomain),
    );
    (where ?? schedules.find(({ hart }) => hart === thread.hart))?.domains.push({ tcb: thread.tcb, domain });
  }
  plan.domainSchedules.push(...schedules);
}
