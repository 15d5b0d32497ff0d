// A server, as its realm runs it. The default export of a server's module is `server({…})`.

import type { ServerDefinition } from './handlers.ts';
import { type Carry, runStep } from './runtime.ts';

/** What a realm runs. */
export interface Server {
  readonly initialState: () => unknown;
  readonly stateVersion: number;
  readonly migrate: ((state: unknown, version: number) => unknown) | undefined;
  readonly step: (carry: unknown) => unknown;
}

/** Defines a server. */
export function server<State extends object = Record<string, never>>(definition: ServerDefinition<State>): Server {
  return {
    initialState: definition.state ?? (() => ({})),
    stateVersion: definition.stateVersion ?? 1,
    migrate: definition.migrate,
    step: (carry) => runStep(definition, carry as Carry),
  };
}
