// SPDX-License-Identifier: Apache-2.0
import { instrumentAmqp, type AmqpModule } from '../shims/amqp/index.ts'
import { instrumentMcpClient, instrumentMcpServer, type McpPeer } from '../shims/agents/mcp/index.ts'
import { instrumentGrpc, type GrpcModule } from '../shims/grpc/index.ts'
import { instrumentMqtt, type MqttTarget } from '../shims/mqtt/index.ts'
import { instrumentWs, type WsModule } from '../shims/ws/index.ts'

/** A library that `fasten/register` knows. */
export interface KnownModule {
  /** As `FASTEN_REGISTER` says it. */
  readonly name: string
  /** What applications import or require to get it. */
  readonly specifiers: readonly string[]
  instrument(exports: Exports, options: { readonly records: boolean }): void
}

/** What a module exports. Its own types are not ours to import; each shim judges what it is given and throws where it is something else. */
type Exports = Readonly<Record<string, unknown>>

const as = <Module>(exports: Exports): Module => exports as unknown as Module

/** Whoever loads one of these is about to speak MCP on standard output, where no line of ours may stand between two messages. */
export const stdioModules: readonly string[] = [
  '@modelcontextprotocol/sdk/server/stdio.js',
  '@modelcontextprotocol/server/stdio',
]

export const knownModules: readonly KnownModule[] = [
  {
    name: 'amqp',
    specifiers: ['amqplib', 'amqplib/callback_api', 'amqplib/callback_api.js'],
    instrument: (exports, options) => void instrumentAmqp(as<AmqpModule>(exports), options),
  },
  {
    name: 'grpc',
    specifiers: ['@grpc/grpc-js'],
    instrument: (exports, options) => void instrumentGrpc(as<GrpcModule>(exports), options),
  },
  {
    name: 'mcp',
    specifiers: [
      '@modelcontextprotocol/sdk/server/mcp.js',
      '@modelcontextprotocol/sdk/server/index.js',
      '@modelcontextprotocol/sdk/client/index.js',
      '@modelcontextprotocol/server',
      '@modelcontextprotocol/client',
    ],
    // Calls of tools are audit rows, which are not a matter of choice where a server is asked to leave them.
    instrument: ({ McpServer, Server, Client }) => {
      if (McpServer !== undefined) instrumentMcpServer(McpServer as McpPeer)
      else if (Server !== undefined) instrumentMcpServer(Server as McpPeer)
      if (Client !== undefined) instrumentMcpClient(Client as McpPeer)
    },
  },
  {
    name: 'mqtt',
    specifiers: ['mqtt'],
    instrument: (exports, options) => void instrumentMqtt(as<MqttTarget>(exports), options),
  },
  {
    name: 'ws',
    specifiers: ['ws'],
    instrument: (exports) => void instrumentWs(as<WsModule>(exports)),
  },
]
