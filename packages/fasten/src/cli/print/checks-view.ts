// SPDX-License-Identifier: Apache-2.0
import type { CheckResult, Finding } from '../doctor/check.ts'
import type { Look, Style } from './paint.ts'
import { visible } from '../../core/visible.ts'
import { fold, pad } from './width.ts'

const signs: Readonly<Record<Finding['status'], readonly [string, Style]>> = {
  ok: ['✓', 'good'],
  warn: ['⚠', 'caution'],
  fail: ['✗', 'alarm'],
  skip: ['–', 'quiet'],
}

const nameColumns = 13

/** `  ✓ name          message`, folded into the terminal's width, with the remedy below what is not well. */
export function checkLines({ name, status, message, hint }: CheckResult, look: Look): readonly string[] {
  const [sign, style] = signs[status]
  const indent = ' '.repeat(4 + nameColumns + 1)
  const room = look.columns === null ? Infinity : Math.max(24, look.columns - indent.length)
  const [first = '', ...rest] = fold(visible(message), room)
  const remedy = hint === undefined ? [] : fold(visible(hint), room - 2)
  const paintMessage = (text: string): string => (status === 'skip' ? look.paint('quiet', text) : text)
  return [
    `  ${look.paint(style, sign)} ${pad(name, nameColumns)} ${paintMessage(first)}`,
    ...rest.map((text) => indent + paintMessage(text)),
    ...remedy.map((text, index) => indent + look.paint(style, `${index === 0 ? '→' : ' '} ${text}`)),
  ]
}

/** `12/14 checks passed — 1 failure, 1 warning`. What was skipped counts on neither side. */
export function checksSummary(results: readonly CheckResult[], look: Look): string {
  const count = (status: Finding['status']): number =>
    results.filter((result) => result.status === status).length
  const [failures, warnings] = [count('fail'), count('warn')]
  const asked = results.length - count('skip')
  const parts = [
    ...(failures > 0 ? [look.paint('alarm', `${failures} ${failures === 1 ? 'failure' : 'failures'}`)] : []),
    ...(warnings > 0
      ? [look.paint('caution', `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`)]
      : []),
  ]
  return `${count('ok')}/${asked} checks passed${parts.length === 0 ? '' : ` — ${parts.join(', ')}`}`
}
