// SPDX-License-Identifier: Apache-2.0

/** Meanings, not colours: a screen says `danger`, this table says how danger looks. */
const codes = {
  plain: '',
  quiet: '2',
  strong: '1',
  good: '32',
  caution: '33',
  danger: '31',
  alarm: '1;31',
  audit: '36',
  sys: '34',
  api: '35',
  link: '4',
} as const

export type Style = keyof typeof codes

export type Paint = (style: Style, text: string) => string

/** Wraps text in SGR sequences, or leaves it alone where colours are off. */
export function painter(isColoured: boolean): Paint {
  if (!isColoured) return (_style, text) => text
  return (style, text) =>
    codes[style] === '' || text === '' ? text : `\u001b[${codes[style]}m${text}\u001b[0m`
}

/** How a screen may look: what the terminal offers, or plain and unbounded text for a pipe. */
export interface Look {
  readonly paint: Paint
  /** Width to fit lines into; null never cuts anything. */
  readonly columns: number | null
}

/** For pipes, files and golden outputs. */
export const plainLook: Look = { paint: painter(false), columns: null }
