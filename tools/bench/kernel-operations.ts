// What `microvisor bench ipc` measures, and how often.

import type { KernelProgram } from './kernel-program.ts';

export interface KernelOperation extends KernelProgram {
  readonly name: string;
  readonly describe: string;
  /** How often it happens in a run that looks at each time; and in the shorter of two runs that are compared with seL4. */
  readonly rounds: number;
}

/** Numbers of the realms in tools/bench/call-realm.ts. */
export const realms = { client: 1, server: 2 } as const;

const machineCode = { clientRealm: 0, serverRealm: 0 } as const;
const call = { source: 'call', rounds: 40_000 } as const;

export const kernelOperations: readonly KernelOperation[] = [
  { name: 'call', describe: 'call and reply-receive between two address spaces', ...call, spaces: 2, ...machineCode },
  { name: 'call-local', describe: 'the same in one address space', ...call, spaces: 1, ...machineCode },
  {
    name: 'call-to-realm',
    describe: 'the same, RV64 calls TypeScript',
    ...call,
    spaces: 2,
    clientRealm: 0,
    serverRealm: realms.server,
  },
  {
    name: 'call-in-realms',
    describe: 'the same, TypeScript calls TypeScript',
    ...call,
    spaces: 2,
    clientRealm: realms.client,
    serverRealm: realms.server,
  },
  {
    name: 'signal',
    describe: 'signal to a thread of higher priority, until it waits again',
    source: 'signal',
    spaces: 2,
    rounds: 40_000,
    ...machineCode,
  },
  {
    name: 'fault',
    describe: 'breakpoint, handled by a passive thread, and its reply',
    source: 'fault',
    spaces: 2,
    rounds: 40_000,
    ...machineCode,
  },
  {
    name: 'switch',
    describe: 'yield to a thread of equal priority, and back',
    source: 'switch',
    spaces: 2,
    rounds: 40_000,
    ...machineCode,
  },
  { name: 'map', describe: 'map a page and unmap it', source: 'map', spaces: 1, rounds: 40_000, ...machineCode },
  { name: 'retype', describe: 'make an endpoint', source: 'retype', spaces: 1, rounds: 20_000, ...machineCode },
  {
    name: 'revoke',
    describe: 'revoke an untyped with 1,000 endpoints',
    source: 'revoke',
    spaces: 1,
    rounds: 200,
    ...machineCode,
  },
  {
    name: 'interrupt',
    describe: 'interrupt of a device, until its handler runs',
    source: 'interrupt',
    spaces: 1,
    rounds: 20_000,
    ...machineCode,
  },
];

/** What reading the clock twice takes. */
export const nothing: KernelProgram = { source: 'nothing', spaces: 1, ...machineCode };
