// Windows become domains: cells that share a window of a hart share a domain, and each mode has a schedule per hart.

import type { Manifest } from '../manifest/model.ts';
import type { DomainSchedule, Plan } from './plan.ts';

/** Domain of harts without windows, and of the time between windows: threads of a windowed hart are never in it. */
export const idleDomain = 0;

export function planDomains(plan: Plan, manifest: Manifest): void {
  for (const mode of manifest.schedule?.modes ?? []) {
    for (const { hart, frame } of mode.harts) {
      const domainOf = new Map<string, number>();
      const entries: DomainSchedule['entries'] = [];
      let at = 0;
      for (const window of frame.windows) {
        if (window.at > at) entries.push({ domain: idleDomain, atNs: at, lengthNs: window.at - at });
        const key = [...window.cells].sort().join(' ');
        if (!domainOf.has(key)) domainOf.set(key, domainOf.size + 1);
        entries.push({ domain: domainOf.get(key)!, atNs: window.at, lengthNs: window.for });
        at = window.at + window.for;
      }
      if (at < frame.frame) entries.push({ domain: idleDomain, atNs: at, lengthNs: frame.frame - at });
      const domains = plan.threads
        .filter((thread) => thread.hart === hart)
        .map((thread) => {
          const key = [...domainOf.keys()].find((cells) => cells.split(' ').includes(thread.cell));
          // A thread that this mode gives no window must never run in it: a domain that no entry names.
          return { tcb: thread.tcb, domain: key === undefined ? domainOf.size + 1 : domainOf.get(key)! };
        });
      plan.domainSchedules.push({ mode: mode.name, hart, frameNs: frame.frame, entries, domains });
    }
  }
}
