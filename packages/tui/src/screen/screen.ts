// SPDX-License-Identifier: Apache-2.0
import { Box, Text, useInput, type Key, type TextProps } from 'ink'
import { createElement, type ReactElement } from 'react'
import type { Line, Span, Style } from '../model/line.ts'

export interface ScreenProps {
  readonly lines: readonly Line[]
  readonly columns: number
  readonly isColoured: boolean
  /** Told of each key by its name; a character is its own. */
  readonly onKey: (key: string) => void
}

/** Lines as they stand on the terminal. The frame has exactly as many as the terminal, so nothing ever scrolls. */
export function Screen({ lines, columns, isColoured, onKey }: ScreenProps): ReactElement {
  useInput((input, key) => {
    for (const name of keyNames(input, key)) onKey(name)
  })
  return createElement(
    Box,
    { flexDirection: 'column', width: columns, height: lines.length },
    ...lines.map((each, index) =>
      createElement(
        Text,
        { key: index, wrap: 'truncate-end' },
        ...each.spans.map((span, place) => spanElement(each, span, place, isColoured)),
      ),
    ),
  )
}

function spanElement({ isMarked }: Line, span: Span, place: number, isColoured: boolean): ReactElement {
  const looks = isColoured ? coloured : plainLooks
  const look = looks[span.style ?? 'plain']
  const isInverse = isMarked === true || span.isMarked === true
  return createElement(
    Text,
    { key: place, ...look, ...(isInverse ? { inverse: true, dimColor: false } : {}) },
    span.text,
  )
}

/** The terminal's own sixteen colours, so that they suit a light and a dark one alike. */
const coloured: Readonly<Record<Style, TextProps>> = {
  plain: {},
  quiet: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  warn: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  audit: { color: 'cyan' },
  sys: { color: 'blue' },
  api: { color: 'magenta' },
  marked: { inverse: true },
}

/** Without colours what is bad is bold, and everything has a word or a sign of its own besides. */
const plainLooks: Readonly<Record<Style, TextProps>> = {
  plain: {},
  quiet: {},
  strong: { bold: true },
  good: {},
  warn: {},
  bad: { bold: true },
  audit: {},
  sys: {},
  api: {},
  marked: { inverse: true },
}

/** What was pressed, in order: who types fast, or pastes, sends many characters at once. */
function keyNames(input: string, key: Key): readonly string[] {
  if (key.eventType === 'release') return []
  const name = keyName(input, key)
  if (name !== input) return [name]
  return Array.from(input, (character) => named[character] ?? character)
}

const named: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\u0003': 'C-c',
}

/** One word for what was pressed: a character, or the name of a key. */
function keyName(input: string, key: Key): string {
  if (key.ctrl && /^[a-z]$/.test(input)) return `C-${input}`
  if (key.tab) return key.shift ? 'S-tab' : 'tab'
  if (key.return) return 'enter'
  if (key.escape) return 'escape'
  if (key.upArrow) return 'up'
  if (key.downArrow) return 'down'
  if (key.leftArrow) return 'left'
  if (key.rightArrow) return 'right'
  if (key.pageUp) return 'pageup'
  if (key.pageDown) return 'pagedown'
  if (key.home) return 'home'
  if (key.end) return 'end'
  if (key.backspace) return 'backspace'
  if (key.delete) return 'delete'
  return input
}
