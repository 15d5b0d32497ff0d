// The kernel's profiles: what seL4 decides when it is compiled.

/** `domains` and `smp` are seL4's own, which exclude each other; `cells` has windows: a domain schedule on every hart. */
export const profiles = ['domains', 'smp', 'cells'] as const;
export type Profile = (typeof profiles)[number];

export interface ProfileShape {
  readonly defaultHarts: number;
  readonly maxHarts: number;
  readonly numDomains: number;
  /** Entries of a domain schedule: what seL4's build has by default with several domains, and with one. */
  readonly domainScheduleLength: number;
  /** Domains begin at their tick, whatever ran before (microvisor/windows.ts). */
  readonly windows: boolean;
  /** Virtual harts and foreign threads exist: where they do, a root task can tell the kernel from seL4. */
  readonly extensions: boolean;
}

export const profileShapes: Readonly<Record<Profile, ProfileShape>> = {
  domains: {
    defaultHarts: 1,
    maxHarts: 1,
    numDomains: 4,
    domainScheduleLength: 100,
    windows: false,
    extensions: false,
  },
  smp: { defaultHarts: 4, maxHarts: 8, numDomains: 1, domainScheduleLength: 2, windows: false, extensions: false },
  cells: { defaultHarts: 2, maxHarts: 8, numDomains: 4, domainScheduleLength: 100, windows: true, extensions: true },
};
