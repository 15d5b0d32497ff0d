// SBI timer extension.

import { type SbiExtension, success } from './extension.ts';

export const time: SbiExtension = [
  ({ platform, hart, args }) => {
    platform.setTimer(hart, args[0]!);
    return success();
  },
];
