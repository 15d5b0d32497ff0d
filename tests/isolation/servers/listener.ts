// Waits for signals.

import { server } from '../../../guests/sdk/index.ts';

export default server<{ heard: number }>({
  state: () => ({ heard: 0 }),
  notified(cell) {
    cell.draft().heard++;
  },
});
