// A store that fails again and again: its supervisor starts it anew, and its callers learn of it.

import { type Message, messageText, server, textMessage } from '../../sdk/index.ts';

interface State {
  calls: number;
  last: Record<string, string>;
}

const callsUntilFailure = 5000;
const keys = 64;

export default server<State>({
  state: () => ({ calls: 0, last: {} }),

  protected(cell, _channel, message): Message {
    const state = cell.draft();
    state.calls++;
    state.last[`call ${state.calls % keys}`] = `${messageText(message)}, ${state.calls}`;
    if (state.calls === callsUntilFailure) throw new Error('it has had enough');
    return textMessage(0, `${state.calls}`);
  },

  restarted(cell, reason) {
    cell.log(`started again after ${reason}, generation ${cell.generation}`);
  },
});
