// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'

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
}

const usual: Investigation = {
  text: '',
  since: '-1h',
  until: null,
  pane: 'audit',
  isLive: false,
  selected: null,
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
  }
}

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
  return search.size === 0 ? '' : `?${search}`
}

/** The stream that comes after `pane` when Tab is pressed. */
export function nextPane(pane: StreamName): StreamName {
  return streams[(streams.indexOf(pane) + 1) % streams.length] ?? pane
}
