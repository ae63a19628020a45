// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'

/** What a client got from a server. */
export interface ToldAnswer {
  readonly label: string
  /** Of the answer; a word where there was none. */
  readonly status: number | string
  readonly request_id: string
}

type Style = Parameters<typeof styleText>[0]

/** Plain when stdout is no terminal or NO_COLOR is set. */
const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout })

export const say = (text = ''): void => void process.stdout.write(`${text}\n`)
export const heading = (text: string): void => say(`\n${paint('bold', text)}`)

/** A line that says what is under way, replaced by its outcome; on a pipe both are printed. */
export async function progress<T>(text: string, work: Promise<T>, outcome: (value: T) => string): Promise<T> {
  if (process.stdout.isTTY) process.stdout.write(`  … ${text}`)
  const value = await work
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[2K')
  say(`  ${paint('green', '✓')} ${outcome(value)}`)
  return value
}

export function tellAnswer({ label, status, request_id }: ToldAnswer): void {
  const isFine = typeof status === 'number' && status < 400
  say(
    `  ${paint(isFine ? 'green' : 'yellow', String(status).padEnd(7))} ${label.padEnd(42)} ${paint('dim', request_id)}`,
  )
}

export function tellJudgement(text: string, complaint: string | undefined): void {
  if (complaint === undefined) say(`  ${paint('green', '✓')} ${text}`)
  else say(`  ${paint('red', '✗')} ${text}\n${complaint.replace(/^/gm, '      ')}`)
}

/** A command the visitor may copy. */
export const command = (text: string): void => say(`  ${paint('cyan', `$ ${text}`)}`)
