// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { streams } from 'fasten/core'
import { rowAt, rowsAt } from '../fixtures/rows.ts'
import { lineWidth } from '../model/line.ts'
import { keyTable } from '../model/keys.ts'
import { understand } from '../model/question.ts'
import { completed } from './commands.ts'
import { editOf } from '../model/edit.ts'
import { frame } from './frame.ts'
import { initialState, type Event, type State } from './state.ts'
import { update } from './update.ts'

const nowMicros = 1_795_000_000_000_000

function begun(columns = 80, rows = 24): State {
  const understood = understand('', nowMicros)
  assert.ok(understood.ok)
  return initialState({ columns, rows }, './fasten.db', understood.question)
}

const press = (key: string): Event => ({ kind: 'key', key, nowMicros })
const after = (state: State, ...events: readonly Event[]): State =>
  events.reduce((before, event) => update(before, event).state, state)
const rows = (from: number, to: number, stream?: 'audit' | 'sys' | 'api'): Event => ({
  kind: 'rows',
  rows: rowsAt(from, to, stream),
})

/** Everything that can happen, in words that a failing run can be read by. */
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.constantFrom(...keyTable.flatMap(({ keys }) => keys), 'a', '東', 'left').map(press),
  fc
    .record({ from: fc.nat(3000), count: fc.nat(40), stream: fc.constantFrom(...streams) })
    .map(({ from, count, stream }) => rows(from, from + count, stream)),
  fc
    .record({ columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 60 }) })
    .map((size): Event => ({ kind: 'size', size })),
  fc
    .record({
      from: fc.nat(3000),
      stream: fc.constantFrom(...streams),
      direction: fc.constantFrom('older', 'newer', 'around'),
      hasOlder: fc.boolean(),
      hasNewer: fc.boolean(),
    })
    .map(({ from, stream, direction, ...has }): Event => ({
      kind: 'more',
      stream,
      direction,
      piece: { rows: rowsAt(from, from + 30, stream), ...has },
    })),
)

test('whatever happens, the screen is filled exactly, and every line is as wide as it is', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const state = after(begun(), ...events)
      const lines = frame(state)
      assert.equal(lines.length, state.size.rows)
      for (const each of lines) assert.equal(lineWidth(each), state.size.columns)
    }),
    { numRuns: 50 },
  )
})

test('while paused no row that comes moves what is seen, and eviction does not either', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('k', 'j', 'C-u', 'C-d', 'g', 'e', 'E', 'tab'), { maxLength: 12 }),
      fc.nat(3000),
      (keys, from) => {
        const still = after(
          begun(),
          rows(1000, 1200, 'audit'),
          rows(1000, 1200, 'sys'),
          press(' '),
          ...keys.map(press),
        )
        const seen = (state: State): readonly string[] =>
          frame(state)
            .slice(2, -1)
            // Titles count what is new.
            .map(({ spans }) => spans.map(({ text }) => text).join(''))
            .filter((text) => !/[▌ ](audit|sys|api) /.test(text.slice(0, 8)))
        assert.deepEqual(
          seen(after(still, rows(from, from + 2500, 'audit'), rows(from, from + 40, 'sys'))),
          seen(still),
        )
      },
    ),
    { numRuns: 20 },
  )
})

test('e goes through the errors of all streams in order of time, E back', () => {
  const mixed: Event = {
    kind: 'rows',
    rows: [
      rowAt(1, 'sys', 'error'),
      rowAt(2, 'audit', 'error'),
      rowAt(3),
      rowAt(4, 'api', 'error'),
      rowAt(9),
    ],
  }
  let state = after(begun(), mixed, press('2'), press(' '), press('g'))
  const seen: (string | undefined)[] = [state.cursor?.id]
  for (const key of ['e', 'e', 'E', 'E']) {
    state = after(state, press(key))
    seen.push(state.cursor?.id)
  }
  assert.deepEqual(seen, ['evt-sys-1', 'evt-audit-2', 'evt-api-4', 'evt-audit-2', 'evt-sys-1'])
  assert.match(after(state, press('E')).notice?.text ?? '', /no earlier error/)
})

test('following again asks anew only where rows were let go meanwhile', () => {
  const paused = after(begun(), rows(0, 50), press(' '))
  assert.deepEqual(update(after(paused, rows(50, 60)), press(' ')).effects, [])
  assert.deepEqual(update(after(paused, rows(50, 5000)), press(' ')).effects, [{ kind: 'ask' }])
})

test('going beyond the oldest row asks for older ones, once, and the other panes for rows of that time', () => {
  const pieces: Event = {
    kind: 'pages',
    pages: {
      sys: { rows: rowsAt(100, 200), hasOlder: true, hasNewer: false },
      api: { rows: rowsAt(150, 200, 'api'), hasOlder: true, hasNewer: false },
    },
  }
  const gone = update(after(begun(), pieces, press('2')), press('g'))
  assert.deepEqual(
    gone.effects.map((effect) =>
      effect.kind === 'ask-more' ? [effect.stream, effect.direction, effect.at] : effect.kind,
    ),
    [
      ['sys', 'older', rowAt(100).timestamp],
      ['api', 'around', rowAt(100).timestamp],
    ],
  )
  assert.deepEqual(update(gone.state, press('k')).effects, [])
})

test('commands complete as far as they are clear, and filters offer their values', () => {
  const done = (kind: 'filter' | 'command', text: string): readonly [string, readonly string[]] => {
    const { text: made, offers } = completed(editOf(kind, text))
    return [made, offers]
  }
  assert.deepEqual(done('command', 'sinc'), ['since ', []])
  assert.deepEqual(done('command', 'stream '), ['stream ', ['audit', 'sys', 'api']])
  assert.deepEqual(done('command', 'stream s'), ['stream sys ', []])
  assert.deepEqual(done('filter', 'outcome:den'), ['outcome:denied ', []])
  assert.deepEqual(done('filter', 'actor_k'), ['actor_kind:', []])
  assert.deepEqual(done('filter', 'lamp -actor_k'), ['lamp -actor_kind:', []])
  assert.deepEqual(done('filter', '-outcome:den'), ['-outcome:denied ', []])
  assert.deepEqual(done('filter', '-sin'), ['-sin', []], 'there is no such exclusion')
})
