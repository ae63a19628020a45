// SPDX-License-Identifier: Apache-2.0
// The Model Context Protocol, by either version of its TypeScript SDK.
export { instrumentMcpClient, instrumentMcpServer } from './mcp.ts'
export { mcpCarrier, metaKey } from './mcp-carrier.ts'

export type { McpAuth, McpOptions, McpPeer, Undo } from './instrument.ts'
export type { McpMessage } from './message.ts'
