// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'
import { readColumns, usualColumns, writeColumns, type Column } from './columns.ts'

/** What an investigation looks at. All of it stands in the address, so that a link shows the same to whoever may see it. */
export interface Investigation {
  /** As typed; `fields:values` and words (spec/query.md#query-text). */
  readonly text: string
  /** RFC 3339, a date, or relative such as `-1h`. */
  readonly since: string
  /** As `since`; null is now, which goes on. */
  readonly until: string | null
  /** The stream that has the most room. */
  readonly pane: StreamName
  readonly isLive: boolean
  /** The row whose detail is open, by its id. */
  readonly selected: string | null
  /** Which rows stand on top. */
  readonly order: 'newest' | 'oldest'
  /** How high rows are; null is as the browser is set. */
  readonly density: 'close' | 'roomy' | null
  /** Of each stream, while it has the most room. */
  readonly columns: Readonly<Record<StreamName, readonly Column[]>>
  /** Whether values of the window are listed beside the panes; null is where there is room for them. */
  readonly facets: boolean | null
}

const usual: Investigation = {
  text: '',
  since: '-1h',
  until: null,
  pane: 'audit',
  isLive: false,
  selected: null,
  order: 'newest',
  density: null,
  columns: usualColumns,
  facets: null,
}

/** Reads an address's query. What is missing or makes no sense is as usual: an address is typed by people, too. */
export function readInvestigation(search: string): Investigation {
  const given = new URLSearchParams(search)
  const pane = given.get('pane')
  return {
    text: given.get('q') ?? usual.text,
    since: given.get('since') ?? usual.since,
    until: given.get('until'),
    pane: streams.find((stream) => stream === pane) ?? usual.pane,
    isLive: given.get('live') === '1',
    selected: given.get('row'),
    order: given.get('order') === 'oldest' ? 'oldest' : usual.order,
    density: densityIn(given.get('rows')),
    columns: {
      audit: readColumns(given.get('audit'), 'audit'),
      sys: readColumns(given.get('sys'), 'sys'),
      api: readColumns(given.get('api'), 'api'),
    },
    facets: given.get('facets') === '1' ? true : given.get('facets') === '0' ? false : null,
  }
}

const densityIn = (text: string | null): Investigation['density'] =>
  text === 'close' || text === 'roomy' ? text : null

/** The address's query, with a leading `?`; what is as usual is left out, and the rest always stands in the same order. */
export function writeInvestigation(investigation: Investigation): string {
  const search = new URLSearchParams()
  const { text, since, until, pane, isLive, selected } = investigation
  if (text !== usual.text) search.set('q', text)
  if (since !== usual.since) search.set('since', since)
  if (until !== null) search.set('until', until)
  if (pane !== usual.pane) search.set('pane', pane)
  if (isLive) search.set('live', '1')
  if (selected !== null) search.set('row', selected)
  const { order, density, columns, facets } = investigation
  if (order !== usual.order) search.set('order', order)
  if (density !== null) search.set('rows', density)
  if (facets !== null) search.set('facets', facets ? '1' : '0')
  for (const stream of streams) {
    const written = writeColumns(columns[stream])
    if (written !== writeColumns(usualColumns[stream])) search.set(stream, written)
  }
  return search.size === 0 ? '' : `?${search}`
}

/** What of an address says how rows are shown, and not which. */
const howShown = ['order', 'rows', 'facets', ...streams]

/** The part of an address that is kept for the next question: how rows are shown. */
export function shownAs(search: string): string {
  const given = new URLSearchParams(search)
  return new URLSearchParams([...given].filter(([name]) => howShown.includes(name))).toString()
}

/** An address that says nothing of how rows are shown, with what was kept; any other one as it is. */
export function withShownAs(search: string, kept: string): string {
  const given = new URLSearchParams(search)
  if (howShown.some((name) => given.has(name)) || kept === '') return search
  for (const [name, value] of new URLSearchParams(kept)) given.set(name, value)
  return writeInvestigation(readInvestigation(`?${given}`))
}

/** The stream that comes after `pane` when Tab is pressed. */
export function nextPane(pane: StreamName): StreamName {
  return streams[(streams.indexOf(pane) + 1) % streams.length] ?? pane
}
