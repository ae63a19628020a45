// SPDX-License-Identifier: Apache-2.0
import { streams } from '../core/row.ts'
import { withParameters, type Endpoint } from './endpoint.ts'
import {
  correlateParameters,
  exportParameters,
  noParameters,
  pageParameters,
  placeParameters,
  rowParameters,
  searchParameters,
  tailParameters,
  threadParameters,
  topologyParameters,
  verifyParameters,
} from './parameter-sets.ts'
import {
  answerCorrelate,
  answerPage,
  answerRowById,
  answerRowByPlace,
  answerSearch,
  answerThread,
} from './row-answers.ts'
import { answerTopology, answerVerify } from './store-answers.ts'
import { answerExport, answerTail } from './streamed-answers.ts'

const json = (schema: string): Readonly<Record<string, string>> => ({ 'application/json': schema })

/** Every endpoint. The router, the OpenAPI document and the documentation read this table. */
export const endpoints: readonly Endpoint[] = [
  ...streams.map((stream): Endpoint => ({
    path: `/${stream}`,
    operation: `list${stream.charAt(0).toUpperCase()}${stream.slice(1)}`,
    summary: `A page of ${stream} rows, the newest first.`,
    set: pageParameters(stream),
    answers: json(`${stream}Page`),
    run: answerPage(stream),
  })),
  {
    path: '/correlate',
    operation: 'correlate',
    summary: 'The rows of one request, by stream, each the newest first.',
    set: correlateParameters,
    answers: json('correlation'),
    run: withParameters(correlateParameters, answerCorrelate),
  },
  {
    path: '/thread',
    operation: 'thread',
    summary: 'The rows of one request, all streams in one list, the oldest first.',
    set: threadParameters,
    answers: json('thread'),
    run: withParameters(threadParameters, answerThread),
  },
  {
    path: '/search',
    operation: 'search',
    summary: 'Rows that contain a text, within a time window.',
    set: searchParameters,
    answers: json('searchResult'),
    run: withParameters(searchParameters, answerSearch),
  },
  {
    path: '/topology',
    operation: 'topology',
    summary: 'Which nodes and services the rows come from, the busiest first.',
    set: topologyParameters,
    answers: json('topology'),
    run: withParameters(topologyParameters, answerTopology),
  },
  {
    path: '/audit/doctor',
    operation: 'doctor',
    summary: 'The health of the audit pipeline: store, queue, rings, chain.',
    set: noParameters,
    answers: json('doctor'),
    run: withParameters(noParameters, async (_, { reader }) => ({ json: await reader.doctor() })),
  },
  {
    path: '/verify',
    operation: 'verify',
    summary: 'Recomputes leaves, columns, hashes and links, and says PASS, FAIL or INCOMPLETE.',
    set: verifyParameters,
    answers: json('verdict'),
    run: answerVerify,
  },
  {
    path: '/logs',
    operation: 'listLogs',
    summary: 'Every log with its size and the hash of its newest row.',
    set: noParameters,
    answers: json('logs'),
    run: withParameters(noParameters, async (_, { reader }) => ({ json: { logs: await reader.logs() } })),
  },
  {
    path: '/row',
    operation: 'rowByPlace',
    summary: 'The row at a place of a log, or what is left of it when it has expired.',
    set: placeParameters,
    answers: json('rowOrExpired'),
    also: [404],
    run: withParameters(placeParameters, answerRowByPlace),
  },
  {
    path: '/row/{id}',
    operation: 'rowById',
    summary: 'The row with this id.',
    set: rowParameters,
    answers: json('row'),
    also: [404],
    run: withParameters(rowParameters, answerRowById),
  },
  {
    path: '/tail',
    operation: 'tail',
    summary: 'New rows as server-sent events; `Last-Event-ID` continues without loss.',
    set: tailParameters,
    answers: { 'text/event-stream': 'row' },
    run: answerTail,
  },
  {
    path: '/export',
    operation: 'export',
    summary: 'All rows that match, as one file: a snapshot of the moment it was asked for.',
    set: exportParameters,
    answers: { 'application/x-ndjson': 'row', 'text/csv': 'csv' },
    run: withParameters(exportParameters, answerExport),
  },
  {
    path: '/openapi.json',
    operation: 'openapi',
    summary: 'This document.',
    set: noParameters,
    answers: json('openapi'),
    run: withParameters(noParameters, async (_, { services }) => ({ json: services.openapi() })),
  },
]
