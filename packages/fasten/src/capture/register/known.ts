// SPDX-License-Identifier: Apache-2.0
import { instrumentOpenTelemetry } from '../bridges/otel/bridge.ts'
import type { OtelApi } from '../bridges/otel/api.ts'
import { instrumentPromClient, type PromClient } from '../bridges/otel/exemplar.ts'
import { instrumentAmqp, type AmqpModule } from '../shims/amqp/index.ts'
import { instrumentAnthropic } from '../shims/agents/anthropic/instrument-anthropic.ts'
import { instrumentMcpClient, instrumentMcpServer, type McpPeer } from '../shims/agents/mcp/index.ts'
import { instrumentOpenAI } from '../shims/agents/openai/instrument-openai.ts'
import { instrumentOpenAIAgents, type OpenAIAgentsSdk } from '../shims/agents/openai-agents/openai-agents.ts'
import { instrumentGrpc, type GrpcModule } from '../shims/grpc/index.ts'
import { instrumentKafka, type KafkaTarget } from '../shims/kafka/index.ts'
import { instrumentMqtt, type MqttTarget } from '../shims/mqtt/index.ts'
import { instrumentNats } from '../shims/nats/index.ts'
import type { MakeNatsHeaders } from '../shims/nats/nats-carrier.ts'
import type { NatsTarget } from '../shims/nats/instrument.ts'
import { instrumentAgenda, type AgendaModule } from '../shims/queue/agenda.ts'
import { instrumentBullMQ } from '../shims/queue/bullmq.ts'
import { instrumentPgBoss } from '../shims/queue/pg-boss.ts'
import { instrumentRedis, type RedisTarget } from '../shims/redis/index.ts'
import {
  instrumentCroner,
  instrumentNodeCron,
  instrumentNodeSchedule,
  instrumentToadScheduler,
} from '../shims/scheduler/index.ts'
import { instrumentSocketIo, type SocketIoModule } from '../shims/socket.io/index.ts'
import { instrumentWs, type WsModule } from '../shims/ws/index.ts'
import { instrumentMade } from './makers.ts'

/** A library that `fasten/register` knows. */
export interface KnownModule {
  /** As `FASTEN_REGISTER` says it. */
  readonly name: string
  /** What applications, or the library's own modules, import or require to get it. */
  readonly specifiers: readonly string[]
  /** What it gains, for the guide. */
  readonly gains: string
  /** Left alone unless `FASTEN_REGISTER` asks for it by name. */
  readonly isOptIn?: true
  /**
   * Functions that the module exports by name besides having them in its default export. Where it is an ES module, its own names for them are given
   * what stands in the default export afterwards.
   */
  readonly rebinds?: readonly string[]
  instrument(exports: Exports, options: { readonly records: boolean }): void
}

/** What a module exports. Its own types are not ours to import; each shim judges what it is given and throws where it is something else. */
export type Exports = Readonly<Record<string, unknown>>

const as = <Module>(exports: unknown): Module => exports as Module
/** The object that a CommonJS module is, or an ES module has as its default export. */
const whole = (exports: Exports): object => exports['default'] ?? exports
const prototypeOf = (made: unknown): object => (made as { readonly prototype: object }).prototype

/** Whoever loads one of these is about to speak MCP on standard output, where no line of ours may stand between two messages. */
export const stdioModules: readonly string[] = [
  '@modelcontextprotocol/sdk/server/stdio.js',
  '@modelcontextprotocol/server/stdio',
]

export const knownModules: readonly KnownModule[] = [
  {
    name: 'agenda',
    specifiers: ['agenda'],
    gains: 'jobs name the request that saved them, runs leave rows',
    instrument: (exports) => void instrumentAgenda(as<AgendaModule>(exports)),
  },
  {
    name: 'amqp',
    specifiers: ['amqplib', 'amqplib/callback_api', 'amqplib/callback_api.js'],
    gains: 'messages carry the ids, consumers run under them',
    instrument: (exports, options) => void instrumentAmqp(as<AmqpModule>(exports), options),
  },
  {
    name: 'anthropic',
    specifiers: ['@anthropic-ai/sdk'],
    gains: 'calls of models and tools are audit rows',
    instrument: ({ Anthropic }) => void instrumentAnthropic(as<object>(Anthropic)),
  },
  {
    name: 'bullmq',
    specifiers: ['bullmq'],
    gains: 'jobs name the request that added them, runs leave rows',
    instrument: (exports) => void instrumentBullMQ(exports),
  },
  {
    name: 'croner',
    specifiers: ['croner'],
    gains: 'runs have ids and leave rows',
    instrument: ({ Cron }) => void instrumentCroner(as<{ readonly prototype: object }>(Cron)),
  },
  {
    name: 'grpc',
    specifiers: ['@grpc/grpc-js'],
    gains: 'calls carry the ids in their metadata, handlers run under them',
    instrument: (exports, options) => void instrumentGrpc(as<GrpcModule>(exports), options),
  },
  {
    name: 'ioredis',
    specifiers: ['ioredis'],
    gains: 'entries of streams and published JSON carry the ids',
    instrument({ Redis, Cluster }, options) {
      for (const made of [Redis, Cluster])
        if (made !== undefined) instrumentRedis(prototypeOf(made) as RedisTarget, options)
    },
  },
  {
    name: 'kafka',
    specifiers: ['kafkajs', '@platformatic/kafka'],
    gains: 'records carry the ids; `eachMessage` of kafkajs runs under them',
    instrument: (exports, options) => void instrumentKafka(as<KafkaTarget>(exports), options),
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
    gains: 'calls of tools carry the ids and are audit rows',
    // Calls of tools are audit rows, which are not a matter of choice where a server is asked to leave them.
    instrument({ McpServer, Server, Client }) {
      if (McpServer !== undefined) instrumentMcpServer(McpServer as McpPeer)
      else if (Server !== undefined) instrumentMcpServer(Server as McpPeer)
      if (Client !== undefined) instrumentMcpClient(Client as McpPeer)
    },
  },
  {
    name: 'mqtt',
    specifiers: ['mqtt'],
    gains: 'messages carry the ids, handlers run under them',
    instrument: (exports, options) => void instrumentMqtt(as<MqttTarget>(exports), options),
  },
  {
    name: 'nats',
    // What every transport of nats.js 3 makes its connections from; applications do not name it.
    specifiers: ['@nats-io/nats-core/internal'],
    gains: 'messages carry the ids, callbacks run under them',
    instrument: ({ NatsConnectionImpl, headers }, options) =>
      void instrumentNats(prototypeOf(NatsConnectionImpl) as NatsTarget, {
        ...options,
        headers: headers as MakeNatsHeaders,
      }),
  },
  {
    name: 'node-cron',
    specifiers: ['node-cron'],
    gains: 'runs have ids and leave rows',
    rebinds: ['schedule', 'createTask'],
    instrument: (exports) => void instrumentNodeCron(whole(exports)),
  },
  {
    name: 'node-schedule',
    specifiers: ['node-schedule'],
    gains: 'runs have ids and leave rows',
    instrument: (exports) => void instrumentNodeSchedule(exports),
  },
  {
    name: 'openai',
    specifiers: ['openai'],
    gains: 'calls of models and tools are audit rows',
    instrument: ({ OpenAI }) => void instrumentOpenAI(as<object>(OpenAI)),
  },
  {
    name: 'openai-agents',
    specifiers: ['@openai/agents', '@openai/agents-core'],
    gains: 'models, tools, handoffs and approvals are audit rows',
    instrument: (exports) => void instrumentOpenAIAgents(as<OpenAIAgentsSdk>(exports)),
  },
  {
    name: 'otel',
    specifiers: ['@opentelemetry/api'],
    gains:
      'rows and spans name each other: spans then hold request ids, and go where your exporters send them',
    isOptIn: true,
    instrument: (exports) => void instrumentOpenTelemetry({ api: as<OtelApi>(exports) }),
  },
  {
    name: 'pg-boss',
    specifiers: ['pg-boss'],
    gains: 'jobs name the request that sent them, runs leave rows',
    instrument: ({ PgBoss }) => void instrumentPgBoss(as<object>(PgBoss)),
  },
  {
    name: 'prom-client',
    specifiers: ['prom-client'],
    gains: 'metrics made with `enableExemplars` show the ids as exemplars',
    instrument: (exports) => void instrumentPromClient(as<PromClient>(exports)),
  },
  {
    name: 'redis',
    specifiers: ['redis', '@redis/client'],
    gains: 'entries of streams and published JSON carry the ids',
    instrument: (exports, options) =>
      instrumentMade(
        exports,
        ['createClient', 'createClientPool', 'createCluster', 'createSentinel'],
        'xAdd',
        (made) => instrumentRedis(made as RedisTarget, options),
      ),
  },
  {
    name: 'socket.io',
    specifiers: ['socket.io'],
    gains: 'listeners run under the ids of the handshake, or of each event',
    instrument: (exports) => void instrumentSocketIo(as<SocketIoModule>(exports)),
  },
  {
    name: 'socket.io-client',
    specifiers: ['socket.io-client'],
    gains: 'events carry the ids; the server sees a member `fasten` in `auth`',
    isOptIn: true,
    instrument: (exports) => void instrumentSocketIo(as<SocketIoModule>(exports)),
  },
  {
    name: 'toad-scheduler',
    specifiers: ['toad-scheduler'],
    gains: 'runs have ids and leave rows',
    instrument: (exports) =>
      void instrumentToadScheduler(as<Parameters<typeof instrumentToadScheduler>[0]>(exports)),
  },
  {
    name: 'ws',
    specifiers: ['ws'],
    gains: 'listeners run under the ids of the handshake',
    instrument: (exports) => void instrumentWs(as<WsModule>(exports)),
  },
]
