// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileTopicChoice, compileTopicFilter } from './topic-filter.ts'

test('a filter matches as MQTT 5 says (4.7)', () => {
  const cases: readonly (readonly [filter: string, yes: readonly string[], no: readonly string[]])[] = [
    ['sport/tennis', ['sport/tennis'], ['sport/tennis/', '/sport/tennis', 'Sport/tennis', 'sport']],
    [
      'sport/tennis/player1/#',
      ['sport/tennis/player1', 'sport/tennis/player1/a/b'],
      ['sport/tennis/player10'],
    ],
    ['sport/#', ['sport', 'sport/', 'sport/a'], ['sports', '$sport/a']],
    ['#', ['a', '/', 'a/b/c', ''], ['$SYS', '$SYS/a']],
    ['+', ['a', ''], ['/', 'a/b', '$SYS']],
    ['+/+', ['/finance', 'a/b', '/'], ['a', 'a/b/c', '$SYS/a']],
    ['/+', ['/finance', '/'], ['finance', '/a/b']],
    ['+/monitor/#', ['a/monitor', 'a/monitor/x/y'], ['$SYS/monitor/x', 'a/b']],
    ['$SYS/#', ['$SYS', '$SYS/broker/load'], ['SYS/a', 'a']],
    ['$SYS/monitor/+', ['$SYS/monitor/Clients'], ['$SYS/monitor/a/b']],
    ['a//+', ['a//b', 'a//'], ['a/b', 'a/b/c']],
    ['$share/group/plant/+/temp', ['plant/1/temp'], ['$share/group/plant/1/temp', 'plant/1']],
    ['$share/group/#', ['a/b'], ['$SYS/a']],
    ['küche/+', ['küche/ofen'], ['kuche/ofen']],
    ['constructor/+', ['constructor/__proto__'], ['__proto__/constructor']],
  ]
  for (const [filter, yes, no] of cases) {
    const matches = compileTopicFilter(filter)
    for (const topic of yes) assert.equal(matches(topic), true, `${filter} takes ${topic}`)
    for (const topic of no) assert.equal(matches(topic), false, `${filter} refuses ${topic}`)
  }
})

test('what is no filter is refused by name', () => {
  for (const filter of [
    '',
    'a#',
    'a/#/b',
    '#/a',
    'a+',
    'a/+b/c',
    '##',
    '$share',
    '$share/',
    '$share/g',
    '$share/g/',
    '$share/+/a',
    'a\0',
    7,
    null,
  ])
    assert.throws(
      () => compileTopicFilter(filter as string),
      { name: 'TypeError', message: /^topic filter: / },
      String(filter),
    )
  for (const choice of [7, {}, ['a', 7], ['a/#/b'], 'a#'])
    assert.throws(() => compileTopicChoice('skip', choice as never), {
      name: 'TypeError',
      message: /^skip: /,
    })
})

test('topics may be chosen by filters, all, none or a function', () => {
  const chosen = (choice: Parameters<typeof compileTopicChoice>[1]): boolean[] =>
    ['a/b', '$SYS/x'].map(compileTopicChoice('skip', choice))
  assert.deepEqual(chosen(true), [true, true])
  assert.deepEqual(chosen(false), [false, false])
  assert.deepEqual(chosen('#'), [true, false])
  assert.deepEqual(chosen(['c', '$SYS/#']), [false, true])
  assert.deepEqual(
    chosen((topic) => topic === 'a/b'),
    [true, false],
  )
})

test('a topic of the greatest length takes no time worth mentioning', () => {
  const topic = '/'.repeat(65_535)
  const filters = ['+/'.repeat(32_767), `${'+/'.repeat(32_766)}#`, '+', '#']
  assert.deepEqual(
    filters.map((filter) => compileTopicFilter(filter)(topic)),
    [false, true, false, true],
  )
})
