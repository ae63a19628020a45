// SPDX-License-Identifier: Apache-2.0
import { code, table } from './page.ts'

/** Twenty thousand pieces of work of one transport that a test holds apart. */
export interface Crowd {
  /** As the contract's page calls it, where it is held against that. */
  readonly transport: string
  readonly what: string
  /** How many are under way together, at most: as many as the library, its server or the test lets in. */
  readonly together: number
  readonly job: 'test' | 'torture'
  /** Words of which each names one test file of that job. */
  readonly files: readonly string[]
}

const everything = 20_000
const brokers = ['brokers', 'instrumented']

export const crowds: readonly Crowd[] = [
  crowd('a transport of your own', 'messages', everything, 'test', 'header-carrier'),
  crowd(
    'HTTP: node:http, Express, Fastify, Hono, Koa',
    'requests, each of which makes another one',
    200,
    'torture',
    'http.torture',
  ),
  crowd(
    'MQTT 3.1.1 through aedes',
    'questions and answers',
    everything,
    'test',
    'mqtt/contract',
    'mqtt/interleaved',
  ),
  crowd('MQTT 3.1.1 through mosquitto', 'messages, QoS 1', everything, 'torture', 'instrumented'),
  crowd('MQTT 5 through mosquitto', 'messages, QoS 1', everything, 'test', 'mqtt/contract'),
  crowd('MQTT 5 through mosquitto', 'messages, QoS 2', everything, 'torture', 'instrumented'),
  crowd('AMQP, through RabbitMQ', 'messages, confirmed and acknowledged', everything, 'torture', ...brokers),
  crowd(
    'NATS, through nats-server',
    'messages; requests and replies; JetStream',
    everything,
    'torture',
    ...brokers,
  ),
  crowd(
    'Kafka, through the mock cluster of kcat',
    'records, sent in batches',
    everything,
    'torture',
    'brokers',
  ),
  crowd(
    'Kafka, through the mock cluster of kcat',
    'records through an instrumented kafkajs',
    500,
    'torture',
    'instrumented',
  ),
  crowd(
    'Kafka, through the mock cluster of kcat',
    'records through @platformatic/kafka',
    everything,
    'torture',
    'instrumented',
  ),
  crowd(
    'Redis streams, through redis-server',
    'entries, ioredis and node-redis',
    everything,
    'torture',
    ...brokers,
  ),
  crowd('Redis pub/sub, through redis-server', 'messages', everything, 'torture', ...brokers),
  crowd('BullMQ on Redis', 'jobs of 4,000 requests, 100 adding', 200, 'torture', 'queues'),
  crowd('BullMQ on Postgres', 'the same', 200, 'torture', 'queues'),
  crowd('pg-boss', 'the same', 200, 'torture', 'queues'),
  crowd('graphile-worker', 'the same', 200, 'torture', 'queues'),
  crowd('Agenda', 'the same', 200, 'torture', 'queues'),
  crowd('gRPC', 'unary calls', everything, 'torture', 'grpc.torture'),
  crowd('ws', 'messages and answers', everything, 'test', 'ws/ws'),
  crowd('Socket.IO', 'events and acknowledgements', everything, 'torture', 'socket.io.torture'),
  crowd('messages to threads', 'messages and answers', everything, 'torture', 'process.torture'),
  crowd(
    'messages between processes',
    'messages and answers, fork and cluster',
    everything,
    'torture',
    'process.torture',
  ),
  crowd('environments', 'environments, without a process each', everything, 'torture', 'process.torture'),
  crowd('SQS', 'records', everything, 'test', 'serverless/serverless'),
  crowd('event emitters', 'events', everything, 'test', 'events/events'),
  crowd('jobs in one process', 'runs', everything, 'test', 'scheduler/instrument'),
  crowd('MCP, in one process', 'calls with progress', everything, 'test', 'mcp/tap'),
  crowd(
    'MCP over stdio to another process, SDK v1 and v2',
    'calls of a tool',
    2_000,
    'torture',
    'mcp.torture',
  ),
  crowd('MCP over Streamable HTTP, SDK v1 and v2', 'calls of a tool', 200, 'torture', 'mcp.torture'),
  crowd('agents', 'calls of tools', everything, 'test', 'agents/interleaved'),
  crowd('OpenTelemetry', 'spans beside rows', everything, 'test', 'otel/bridge'),
]

function crowd(
  transport: string,
  what: string,
  together: number,
  job: Crowd['job'],
  ...files: readonly string[]
): Crowd {
  return { transport, what, together, job, files }
}

/** The table of docs/carriers.md that says where 20,000 of each transport are held apart, and how many of them at once. */
export function crowdTable(): string {
  return table(
    ['Transport', 'Twenty thousand', 'Under way together', 'Run by'],
    crowds.map(({ transport, what, together, job, files }) => [
      transport,
      what,
      together.toLocaleString('en-US'),
      code(`npm ${job === 'test' ? 'test' : 'run torture'} -- ${files.join(' ')}`),
    ]),
  )
}
