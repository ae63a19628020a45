// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  byNeed,
  bytesText,
  clockText,
  fleetWords,
  isLate,
  rowsOf,
  standingOf,
  type NodeFacts,
} from './nodes.ts'

const node = (changes: Partial<NodeFacts>): NodeFacts => ({
  node_id: 'x',
  source_node_id: 'n1',
  service_id: null,
  tenants: 'all',
  software: null,
  revoked_at: null,
  last_seen_at: null,
  silent_after_s: 120,
  clock: null,
  spool: null,
  lag: { rows: 0, seconds: 0 },
  chain: 'pass',
  alarms: [],
  logs: [],
  ...changes,
})

test('a node that forked or went back needs somebody now, and one that was revoked nobody', () => {
  assert.equal(standingOf(node({})), 'good')
  assert.equal(standingOf(node({ chain: 'forked' })), 'bad')
  assert.equal(standingOf(node({ chain: 'rolled_back' })), 'bad')
  assert.equal(standingOf(node({ lag: { rows: 9, seconds: 61 } })), 'warn')
  assert.equal(standingOf(node({ alarms: ['clock'] })), 'warn')
  assert.equal(standingOf(node({ chain: 'forked', revoked_at: '2026-11-26T00:00:00Z' })), 'off')
})

test('those that need somebody come first', () => {
  const nodes = [
    node({ source_node_id: 'b' }),
    node({ source_node_id: 'd', revoked_at: 'x' }),
    node({ source_node_id: 'a' }),
    node({ source_node_id: 'c', chain: 'forked' }),
  ]
  assert.deepEqual(
    byNeed(nodes).map((each) => each.source_node_id),
    ['c', 'a', 'b', 'd'],
  )
})

test('a clock is told with its bound, and bytes with few digits', () => {
  assert.equal(clockText(null), '–')
  assert.equal(clockText({ offset_ms: -1506, bound_ms: 12 }), '−1.5 s ± 6 ms')
  assert.equal(clockText({ offset_ms: 0.5, bound_ms: null }), '+500 µs')
  assert.equal(bytesText(0), '0 B')
  assert.equal(bytesText(1_536_000), '1.54 MB')
})

const now = Date.parse('2026-11-27T08:00:00Z') * 1000

test('a node that reports is late after three reports, one that never did when the server calls it silent', () => {
  const seen = { last_seen_at: '2026-11-27T07:58:00Z', silent_after_s: 900 }
  assert.equal(isLate(node({ ...seen, software: 'fasten/0.1.0' }), now), true)
  assert.equal(isLate(node({ ...seen, software: 'fasten/0.1.0', revoked_at: 'x' }), now), false)
  assert.equal(isLate(node(seen), now), false)
  assert.equal(isLate(node({ ...seen, silent_after_s: 60 }), now), true)
  assert.equal(isLate(node({ software: 'fasten/0.1.0' }), now), false)
})

test('the head counts each node once: as to be looked at, or as quiet', () => {
  const log = {
    log: 'l',
    node_size: null,
    size: 7,
    signed_size: 6,
    lag_rows: 0,
    lag_seconds: 0,
    chain: 'pass',
  } as const
  const well = node({ last_seen_at: '2026-11-27T07:59:50Z', software: 'x', logs: [log, log] })
  const quiet = node({ last_seen_at: '2026-11-27T07:50:00Z', software: 'x', lag: { rows: 3, seconds: 1 } })
  assert.deepEqual(rowsOf(well), { rows: 14, signed: 12 })
  assert.equal(fleetWords([well], now), '1 node · all as they should be · 14 rows here')
  assert.equal(
    fleetWords([well, quiet, node({ ...quiet, chain: 'silent' })], now),
    '3 nodes · 1 to look at · 1 quiet · 14 rows here · 6 on their way',
  )
})
