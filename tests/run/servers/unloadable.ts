// A server that reaches for the host.

import { readFileSync } from 'node:fs';
import { server } from '../../../guests/sdk/index.ts';

export default server({
  init(cell) {
    cell.log(String(readFileSync('secret')));
  },
});
