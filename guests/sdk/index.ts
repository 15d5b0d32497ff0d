// The API for native servers: `import { server } from 'microvisor/sdk'`.

export {
  type BlockMessage,
  type BlockOperation,
  type BlockReply,
  blockHeaderBytes,
  decodeBlockMessage,
  decodeBlockReply,
  encodeBlockMessage,
  encodeBlockReply,
} from './block-protocol.ts';
export { Cell, type Frozen } from './cell.ts';
export { Channel, DeviceChannel, QueueChannel, RpcChannel, SampleChannel, StreamChannel } from './channel.ts';
export type { CellConfig, ChannelConfig, ChannelType } from './config.ts';
export { faultName } from './fault-name.ts';
export type { ChildFault, ServerDefinition } from './handlers.ts';
export { messageBytes, messageText, packBytes, peerDied, textMessage, unpackBytes } from './message.ts';
export { type Server, server } from './server.ts';
export { call, type Message, type Received, send } from './system-call.ts';
export { decodeUtf8, encodeUtf8 } from './text.ts';
