// SPDX-License-Identifier: Apache-2.0
import { streams } from 'fasten/core'
import { canBeExcluded, filterParameters } from 'fasten/reader/remote'
import type { Edit } from '../model/edit.ts'
import { withFilter } from '../model/question.ts'
import { paused, rotatedTo } from './cursor.ts'
import { asked, followed } from './asked.ts'
import { step, type State, type Step } from './state.ts'
import { opened, openStory, openVerify } from './open.ts'

export interface Command {
  readonly name: string
  /** What follows the name, for the help. */
  readonly takes?: string
  readonly summary: string
  /** Words that completion offers. */
  readonly words?: readonly string[]
  readonly run: (state: State, word: string, nowMicros: number) => Step
}

const filters = filterParameters

/** Short words for filters that have long ones. */
const shortNames: Readonly<Record<string, string>> = {
  node: 'source_node_id',
  service: 'service_id',
  tenant: 'tenant_id',
  trace: 'trace_id',
}

const ownCommands: readonly Command[] = [
  {
    name: 'since',
    takes: '1h',
    summary: 'rows from then on: 1h, 30m, 2d, 2026-11-26, 2026-11-26T10:00Z; nothing: all',
    run: (state, word, nowMicros) =>
      asked(state, withFilter(state.question.text, 'since', backwards(word)), nowMicros),
  },
  {
    name: 'until',
    takes: '30m',
    summary: 'rows up to then; what has ended is not followed',
    run: (state, word, nowMicros) =>
      asked(state, withFilter(state.question.text, 'until', backwards(word)), nowMicros),
  },
  {
    name: 'stream',
    takes: 'audit',
    summary: 'the primary pane: audit, sys or api',
    words: streams,
    run: (state, word) => {
      const stream = streams.find((each) => each === word)
      return stream === undefined
        ? wrong(state, `there is no stream ${quoted(word)}`)
        : step(rotatedTo(state, stream))
    },
  },
  {
    name: 'req',
    takes: '<id>',
    summary: 'only rows of this request',
    run: (state, word, nowMicros) =>
      asked(state, withFilter(state.question.text, 'request_id', word), nowMicros),
  },
  {
    name: 'thread',
    takes: '<id>',
    summary: 'the thread of a request',
    run: (state, word) =>
      word === '' ? wrong(state, 'thread takes a request id') : openStory(state, 'thread', word),
  },
  {
    name: 'waterfall',
    takes: '<id>',
    summary: 'the waterfall of a request',
    run: (state, word) =>
      word === '' ? wrong(state, 'waterfall takes a request id') : openStory(state, 'waterfall', word),
  },
  {
    name: 'filter',
    takes: '<text>',
    summary: 'as after /',
    run: (state, word, nowMicros) => asked(state, word, nowMicros),
  },
  { name: 'clear', summary: 'no filter', run: (state, _word, nowMicros) => asked(state, '', nowMicros) },
  { name: 'follow', summary: 'follow what comes', run: (state) => followed(state) },
  { name: 'pause', summary: 'stand still', run: (state) => step(paused(state)) },
  {
    name: 'verify',
    summary: 'verify every log',
    run: (state, _word, nowMicros) => openVerify(state, nowMicros),
  },
  {
    name: 'help',
    summary: 'keys and commands',
    run: (state) => step(opened(state, { kind: 'help', top: 0 })),
  },
  { name: 'quit', summary: 'leave; also :q', run: (state) => step(state, { kind: 'quit' }) },
]

/** Every filter is a command that sets it, or drops it when nothing follows. */
const filterCommands: readonly Command[] = [
  ...Object.entries(shortNames).map(([name, filter]) => filterCommand(name, filter)),
  ...filters
    .filter(({ name }) => !['since', 'until', 'q'].includes(name))
    .map(({ name }) => filterCommand(name, name)),
]

function filterCommand(name: string, filter: string): Command {
  const kind = filters.find((each) => each.name === filter)?.kind
  return {
    name,
    takes: filter === 'not' ? '<field:value>' : '<value>',
    summary: filter === 'not' ? 'leave out rows with this value' : `filter by ${filter}`,
    ...(kind?.type === 'choice' ? { words: kind.values } : {}),
    run: (state, word, nowMicros) =>
      filter === 'not' && /^[^:]+$/.test(word)
        ? wrong(state, `not takes field:value, such as not code:ORDER_PAID`)
        : asked(state, withFilter(state.question.text, filter, word), nowMicros),
  }
}

/** In the order of the help; `filterCommands` are named in one line of it. */
export const commands: readonly Command[] = [...ownCommands, ...filterCommands]
export const commandsForHelp: readonly Command[] = ownCommands
export const filterNames: readonly string[] = filterCommands.map(({ name }) => name)

/** Runs what was typed after the colon. A name may be cut short where it stays clear. */
export function runCommand(state: State, text: string, nowMicros: number): Step {
  const [, name = '', word = ''] = /^\s*(\S*)\s*(.*?)\s*$/.exec(text) ?? []
  if (name === '') return step(state)
  if (name === 'q' || name === 'q!') return step(state, { kind: 'quit' })
  const found =
    commands.find((each) => each.name === name) ?? only(commands.filter((each) => each.name.startsWith(name)))
  return found === undefined
    ? wrong(state, `there is no command ${quoted(name)}; ? lists them`)
    : found.run({ ...state, views: [] }, word, nowMicros)
}

/** The line with its last word completed as far as that is clear, and what it may become. */
export function completed(edit: Edit): Edit {
  const head = edit.text.slice(0, edit.at)
  const typed = /[^\s:]*$/.exec(head)?.[0] ?? ''
  // A minus leaves out what the field behind it would ask for.
  const word = edit.kind === 'filter' && /(?:^|\s)-[^\s:]*$/.test(head) ? typed.slice(1) : typed
  const rest = head.slice(0, head.length - word.length)
  const offers = candidates(edit.kind, rest).filter((each) => each.startsWith(word))
  const common = offers.reduce((least, each) => sharedStart(least, each), offers[0] ?? word)
  const end = offers.length === 1 ? endOf(edit.kind, rest) : ''
  const text = `${rest}${common}${end}`
  return {
    ...edit,
    text: text + edit.text.slice(edit.at),
    at: text.length,
    offers: offers.length > 1 ? offers : [],
  }
}

function candidates(kind: Edit['kind'], rest: string): readonly string[] {
  if (kind === 'command') {
    const name = rest.trim()
    return name === ''
      ? commands.map((each) => each.name)
      : (commands.find((each) => each.name === name)?.words ?? [])
  }
  const field = /(\w+):$/.exec(rest)?.[1]
  if (field === undefined)
    return filters
      .map(({ name }) => name)
      .filter((name) => (rest.endsWith('-') ? canBeExcluded(name) : name !== 'q' && name !== 'not'))
  const parameter = filters.find(({ name }) => name === field)
  return parameter?.kind.type === 'choice' ? parameter.kind.values : []
}

const endOf = (kind: Edit['kind'], rest: string): string =>
  kind === 'filter' && !rest.endsWith(':') ? ':' : ' '

function sharedStart(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

/** A bare span means so long ago. */
const backwards = (word: string): string => (/^\d+[a-z]+$/.test(word) ? `-${word}` : word)

const only = (found: readonly Command[]): Command | undefined => (found.length === 1 ? found[0] : undefined)
const quoted = (text: string): string => JSON.stringify(text)
const wrong = (state: State, text: string): Step => step({ ...state, notice: { text, style: 'bad' } })
