// What is tested is what ships: machines' code as V8 compiles it under the command's settings.

import { expect, it } from 'vitest';
import { hostFuses } from '../../hw/wasm/host-fma.ts';

it('the tests run with the fused multiply-add of the host, which every processor since 2013 has', () => {
  expect(hostFuses()).toBe(true);
});
