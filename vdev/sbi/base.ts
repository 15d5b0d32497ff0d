// SBI base extension: who implements the interface, and what it has.

import { implementationId, implementationVersion, specVersion } from './abi.ts';
import { type SbiExtension, success } from './extension.ts';

export const base: SbiExtension = [
  () => success(specVersion),
  () => success(implementationId),
  () => success(implementationVersion),
  ({ args, probe }) => success(probe(args[0]!) ? 1n : 0n),
  ({ platform }) => success(platform.mvendorid),
  ({ platform }) => success(platform.marchid),
  ({ platform }) => success(platform.mimpid),
];
