// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTime } from 'fasten/core'
import { isPhrase, understand } from './plain-question.ts'

const now = parseTime('2026-11-27T10:00:00Z', 0) ?? 0
const codes = ['REFUND_ISSUED', 'REFUND_DENIED', 'ORDER_PLACED', 'USER_LOGIN']

test('a phrase is understood word by word, and says for what each was taken', () => {
  assert.deepEqual(understand('refunds by u-42 yesterday that failed', codes, now), {
    text: 'code:REFUND_* actor:u-42 outcome:failure',
    since: '2026-11-26',
    until: '2026-11-26',
    understood: [
      { said: 'refunds', as: 'code:REFUND_*' },
      { said: 'by u-42', as: 'actor:u-42' },
      { said: 'yesterday', as: '2026-11-26 to 2026-11-26' },
      { said: 'failed', as: 'outcome:failure' },
    ],
    left: [],
  })
})

const phrases = [
  ['orders placed in the last 3 hours', 'code:ORDER_PLACED', '-3h'],
  ['ask: user login from service gateway', 'code:USER_LOGIN service_id:gateway', undefined],
  ['everything done to order/42 since 2026-11-01', 'target:order/42 everything done', '2026-11-01'],
  ['errors on node edge-07 last week', 'level:error source_node_id:edge-07', '-1w'],
  ['orders but not by bot', 'code:ORDER_* -actor:bot', undefined],
  ['user logins except denied, without reason', 'code:USER_LOGIN -outcome:denied -has:reason', undefined],
  ['refunds excluding the service probe today', 'code:REFUND_* -service_id:probe', '2026-11-27'],
  ['not the lamp', 'not lamp', undefined],
  ['lamp refused', 'outcome:denied lamp', undefined],
] as const
for (const [phrase, text, since] of phrases)
  test(`“${phrase}” is asked as ${text}`, () => {
    const found = understand(phrase, codes, now)
    assert.deepEqual([found.text, found.since], [text, since])
  })

test('whatever is said, no word is lost: it is understood, looked for, or says nothing by itself', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'refunds',
      'by',
      'ada',
      'yesterday',
      'failed',
      'last',
      '3',
      'hours',
      'show',
      'on',
      'a/b',
      'code:X',
    ),
    fc.string({ maxLength: 5 }),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 10 }), (words) => {
      const phrase = words.join(' ')
      const { understood, left } = understand(phrase, codes, now)
      const kept = [...understood.flatMap(({ said }) => said.split(' ')), ...left].toSorted()
      const spoken = phrase
        .replace(/^\s*ask:/i, '')
        .split(/\s+/)
        .map((each) => each.replace(/[?!,;.]+$/, ''))
      assert.ok(kept.every((each) => spoken.includes(each)))
      assert.deepEqual(understand(phrase, codes, now), understand(phrase, codes, now))
    }),
  )
})

test('query text is no phrase, and neither is a word or an id', () => {
  assert.deepEqual(
    ['refunds by ada', 'code:A by ada', 'refund', 'a1b2c3d4e5f6', 'ask: refund'].map(isPhrase),
    [true, false, false, false, true],
  )
})
