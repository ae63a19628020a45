// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockOffsets, type Started } from './clock-offsets.ts'
import type { ReaderRow } from './reader.ts'

/** Rows as `id node start cause?`. */
function started(...lines: readonly string[]): ReadonlyMap<string, Started> {
  return new Map(
    lines.map((line) => {
      const [id = '', source_node_id = '', start = '', caused_by] = line.split(' ')
      const row = { id, source_node_id, ...(caused_by === undefined ? {} : { caused_by }) }
      return [id, { row: row as unknown as ReaderRow, startMicros: Number(start) }]
    }),
  )
}

const told = (rows: ReadonlyMap<string, Started>, first = 'a') => {
  const { nodes, isConsistent } = clockOffsets(rows, first)
  return [
    isConsistent,
    ...nodes.map(
      ({ node, offset_us, at_least_us, at_most_us }) =>
        `${node} ${offset_us} [${at_least_us ?? '-'}, ${at_most_us ?? '-'}]`,
    ),
  ]
}

test('clocks that no cause contradicts stay where they are, and what is open is told as open', () => {
  assert.deepEqual(told(started('1 a 100', '2 b 150 1', '3 c 90')), [
    true,
    'a 0 [0, 0]',
    'b 0 [-50, -]',
    'c 0 [-, -]',
  ])
})

test('an effect before its cause moves the clock of its node by what is missing', () => {
  assert.deepEqual(told(started('1 a 1000', '2 b 400 1')), [true, 'a 0 [0, 0]', 'b 600 [600, -]'])
})

test('a way there and back bounds the clock on both sides', () => {
  assert.deepEqual(told(started('1 a 1000', '2 b 400 1', '3 b 450', '4 a 1100 3')), [
    true,
    'a 0 [0, 0]',
    'b 600 [600, 650]',
  ])
})

test('the node at which it begins is the measure, also when it is the one that is behind', () => {
  assert.deepEqual(told(started('1 a 100', '2 b 5000 1', '3 b 5100', '4 a 300 3')), [
    true,
    'a 0 [0, 0]',
    'b -4800 [-4900, -4800]',
  ])
})

test('bonds add up along a chain of nodes', () => {
  assert.deepEqual(told(started('1 a 1000', '2 b 900 1', '3 b 950', '4 c 100 3')), [
    true,
    'a 0 [0, 0]',
    'b 100 [100, -]',
    'c 950 [950, -]',
  ])
})

test('clocks that contradict each other are said to and not moved', () => {
  assert.deepEqual(told(started('1 a 1000', '2 b 400 1', '3 b 5000', '4 a 1100 3')), [
    false,
    'a 0 [0, 0]',
    'b 0 [-, -]',
  ])
})
