// SPDX-License-Identifier: Apache-2.0

/** What a key does. */
export type Deed =
  | { readonly kind: 'move'; readonly by: number }
  | { readonly kind: 'page'; readonly by: -1 | 1 }
  | { readonly kind: 'ends'; readonly to: 'oldest' | 'newest' }
  | { readonly kind: 'rotate'; readonly by: -1 | 1 }
  | { readonly kind: 'choose'; readonly place: number }
  | { readonly kind: 'error'; readonly by: -1 | 1 }
  | { readonly kind: 'pause' | 'open' | 'thread' | 'waterfall' | 'verify' | 'back' | 'help' | 'quit' }
  | { readonly kind: 'type'; readonly what: 'filter' | 'command' }
  | { readonly kind: 'narrow'; readonly to: 'request' }

export interface KeyEntry {
  /** Names as `keyName` gives them. */
  readonly keys: readonly string[]
  /** How they are written in the help. */
  readonly label: string
  readonly summary: string
  readonly deed: Deed
  /** Named in the line at the foot of the panes. */
  readonly hint?: string
}

/** The one table of keys: what is pressed, and what the help says of it. */
export const keyTable: readonly KeyEntry[] = [
  {
    keys: ['tab'],
    label: 'Tab',
    summary: 'the next stream becomes the primary pane',
    deed: { kind: 'rotate', by: 1 },
    hint: 'pane',
  },
  { keys: ['S-tab'], label: 'Shift-Tab', summary: 'the one before', deed: { kind: 'rotate', by: -1 } },
  ...['audit', 'sys', 'api'].map((stream, place): KeyEntry => ({
    keys: [String(place + 1)],
    label: String(place + 1),
    summary: `${stream} becomes the primary pane`,
    deed: { kind: 'choose', place },
  })),
  {
    keys: [' '],
    label: 'Space',
    summary: 'pause, or follow what comes',
    deed: { kind: 'pause' },
    hint: 'pause',
  },
  {
    keys: ['j', 'down'],
    label: 'j ↓',
    summary: 'one row down; moving pauses',
    deed: { kind: 'move', by: 1 },
  },
  { keys: ['k', 'up'], label: 'k ↑', summary: 'one row up', deed: { kind: 'move', by: -1 } },
  { keys: ['C-d', 'pagedown'], label: 'Ctrl-D PgDn', summary: 'a page down', deed: { kind: 'page', by: 1 } },
  { keys: ['C-u', 'pageup'], label: 'Ctrl-U PgUp', summary: 'a page up', deed: { kind: 'page', by: -1 } },
  {
    keys: ['g', 'home'],
    label: 'g Home',
    summary: 'the oldest row that is here',
    deed: { kind: 'ends', to: 'oldest' },
  },
  {
    keys: ['G', 'end'],
    label: 'G End',
    summary: 'the newest row, and follow',
    deed: { kind: 'ends', to: 'newest' },
  },
  {
    keys: ['/'],
    label: '/',
    summary: 'filter, as query text: actor:alice severity:error refund',
    deed: { kind: 'type', what: 'filter' },
    hint: 'filter',
  },
  {
    keys: [':'],
    label: ':',
    summary: 'command; Tab completes',
    deed: { kind: 'type', what: 'command' },
    hint: 'command',
  },
  {
    keys: ['e'],
    label: 'e',
    summary: 'the next error, in whichever stream',
    deed: { kind: 'error', by: 1 },
    hint: 'error',
  },
  { keys: ['E'], label: 'E', summary: 'the error before', deed: { kind: 'error', by: -1 } },
  {
    keys: ['enter'],
    label: 'Enter',
    summary: 'everything about a row',
    deed: { kind: 'open' },
    hint: 'detail',
  },
  {
    keys: ['t'],
    label: 't',
    summary: 'the thread: everything under its request id',
    deed: { kind: 'thread' },
    hint: 'thread',
  },
  {
    keys: ['w'],
    label: 'w',
    summary: 'the waterfall: what it set off, over time',
    deed: { kind: 'waterfall' },
    hint: 'waterfall',
  },
  { keys: ['r'], label: 'r', summary: 'only rows of this request', deed: { kind: 'narrow', to: 'request' } },
  { keys: ['v'], label: 'v', summary: 'verify every log', deed: { kind: 'verify' }, hint: 'verify' },
  {
    keys: ['escape', 'backspace'],
    label: 'Esc',
    summary: 'back; from the panes: drop the filter',
    deed: { kind: 'back' },
  },
  { keys: ['?'], label: '?', summary: 'this help', deed: { kind: 'help' }, hint: 'help' },
  { keys: ['q', 'C-c'], label: 'q Ctrl-C', summary: 'leave', deed: { kind: 'quit' }, hint: 'quit' },
]

const byKey = new Map(keyTable.flatMap((entry) => entry.keys.map((key) => [key, entry.deed] as const)))

export const deedOf = (key: string): Deed | undefined => byKey.get(key)
