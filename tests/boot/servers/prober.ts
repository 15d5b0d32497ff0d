// Reads the address in its configuration, which is nothing of its own.

import { server } from '../../../guests/sdk/index.ts';
import { machine } from '../../../guests/sdk/machine.ts';

export default server({
  init(cell) {
    cell.log('looking');
    const value = machine.load(Number(cell.config['address']), 8);
    cell.log(`found ${value}`);
  },
});
