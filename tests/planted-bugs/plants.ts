// Every planted bug. A new area is a file in plants/ and a line here.

import type { Plant } from './plant.ts';
import { capabilityPlants } from './plants/capabilities.ts';
import { faultPlants } from './plants/faults.ts';
import { invariantPlants } from './plants/invariants.ts';
import { ipcPlants } from './plants/ipc.ts';
import { isolationPlants } from './plants/isolation.ts';
import { lockstepPlants } from './plants/lockstep.ts';
import { memoryPlants } from './plants/memory.ts';
import { schedulingPlants } from './plants/scheduling.ts';
import { translatorPlants } from './plants/translator.ts';

export const plants: readonly Plant[] = [
  ...ipcPlants,
  ...capabilityPlants,
  ...faultPlants,
  ...schedulingPlants,
  ...memoryPlants,
  ...isolationPlants,
  ...invariantPlants,
  ...lockstepPlants,
  ...translatorPlants,
];
