// SPDX-License-Identifier: Apache-2.0
import type { LogVerdict, VerdictKind } from 'fasten/core'
import { blank, line, type Line, type Style } from '../model/line.ts'
import { fit, plain, widthOf, wrap } from '../model/text.ts'
import type { VerifyView } from './state.ts'

export const signs: Readonly<Record<VerdictKind, readonly [string, Style]>> = {
  PASS: ['✓', 'good'],
  FAIL: ['✗', 'bad'],
  INCOMPLETE: ['?', 'warn'],
}

/** How verifying goes, or what it found: the word first, then each log with its counts and breaks, then what the verdict cannot show. */
export function verifyLines(view: VerifyView, columns: number): readonly Line[] {
  const { verdict } = view
  if (view.state === 'failed')
    return wrap(plain(view.problem), columns).map((text) => line({ text, style: 'bad' }))
  if (verdict === null) return goingLines(view, columns)
  const [sign, style] = signs[verdict.verdict]
  const nameColumns = Math.min(
    Math.max(10, columns - 40),
    verdict.logs.reduce((most, { log }) => Math.max(most, widthOf(plain(log))), 0),
  )
  // What holds for every log is said once, below them.
  const [first] = verdict.logs
  const common = (first?.notes ?? []).filter((note) =>
    verdict.logs.every(({ notes }) => notes.includes(note)),
  )
  const ofLogs = new Set(verdict.logs.flatMap(({ notes }) => notes))
  const shared = [...common, ...verdict.notes.filter((note) => !ofLogs.has(note))]
  return [
    line(
      { text: `${sign} ${verdict.verdict}`, style },
      {
        text: ` ${counted(verdict.rows_checked, 'row')} checked in ${counted(verdict.logs.length, 'log')}, ${grouped(verdict.rows_bad)} bad, ${grouped(verdict.rows_missing)} missing`,
      },
    ),
    blank,
    ...verdict.logs.flatMap((log) => logLines(log, shared, nameColumns, columns)),
    blank,
    ...shared.flatMap((note) => wrap(plain(note), columns).map((text) => line({ text, style: 'quiet' }))),
    line({ text: plain(verdict.verifier_version), style: 'quiet' }),
  ]
}

/** How far it is, and how long that will still take. */
function goingLines(
  { expected, read, startedMicros, nowMicros }: VerifyView,
  columns: number,
): readonly Line[] {
  const seconds = Math.floor((nowMicros - startedMicros) / 1_000_000)
  const head = line({ text: 'verifying', style: 'strong' }, { text: `  ${seconds} s so far; Esc stops it` })
  if (expected === null) return [head]
  const amount = `${counted(expected.rows, 'row')} in ${counted(expected.logs, 'log')}`
  if (read === null)
    return [
      head,
      blank,
      ...wrap(
        `${amount} are read and recomputed by the reader that is asked, which does not say how far it is`,
        columns,
      ).map((text) => line({ text })),
    ]
  // Rows that were stored since are read as well.
  const done = Math.min(1, expected.rows === 0 ? 1 : read / expected.rows)
  const left = seconds < 2 || read === 0 ? '' : `, some ${Math.ceil((seconds * (1 - done)) / done)} s left`
  const room = Math.max(10, Math.min(60, columns - 8))
  const filled = Math.floor(done * room)
  return [
    head,
    blank,
    line(
      { text: '█'.repeat(filled), style: 'good' },
      { text: '░'.repeat(room - filled), style: 'quiet' },
      { text: ` ${Math.floor(done * 100)}%` },
    ),
    ...wrap(`${grouped(Math.min(read, expected.rows))} of ${amount}${left}`, columns).map((text) =>
      line({ text }),
    ),
  ]
}

/** `1 row`, `2,000 rows`. */
const counted = (count: number, word: string): string => `${grouped(count)} ${word}${count === 1 ? '' : 's'}`

function logLines(
  log: LogVerdict,
  shared: readonly string[],
  nameColumns: number,
  columns: number,
): readonly Line[] {
  const [sign, style] = signs[log.verdict]
  const damage = [
    ...(log.rows_missing > 0 ? [`${grouped(log.rows_missing)} missing`] : []),
    ...(log.rows_bad > 0 ? [`${grouped(log.rows_bad)} bad`] : []),
    ...(log.rows_expired > 0 ? [`${grouped(log.rows_expired)} expired`] : []),
    ...(log.rows_erased > 0 ? [`${grouped(log.rows_erased)} erased`] : []),
  ].join(', ')
  return [
    line(
      { text: `${sign} ${fit(log.verdict, 10)} `, style },
      { text: fit(plain(log.log), nameColumns) },
      { text: `  ${grouped(log.rows_checked)} of ${grouped(log.rows_expected)} rows` },
      {
        text: damage === '' ? '' : `  ${damage}`,
        style: log.rows_missing + log.rows_bad > 0 ? 'bad' : 'quiet',
      },
    ),
    ...log.breaks.flatMap((each) => {
      const place =
        each.from_index === each.to_index ? `#${each.from_index}` : `#${each.from_index}..#${each.to_index}`
      return wrap(`${place} ${each.kind}: ${plain(each.message)}`, columns - 4).map((text) =>
        line({ text: `    ${text}`, style: 'bad' }),
      )
    }),
    ...(log.breaks_total > log.breaks.length
      ? [
          line({
            text: `    and ${counted(log.breaks_total - log.breaks.length, 'further break')}, not listed`,
            style: 'bad',
          }),
        ]
      : []),
    ...log.notes
      .filter((note) => !shared.includes(note))
      .flatMap((note) =>
        wrap(plain(note), columns - 4).map((text) => line({ text: `    ${text}`, style: 'quiet' })),
      ),
  ]
}

/** `12,480`: the same on every machine. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')
