// SPDX-License-Identifier: Apache-2.0
import type { Break, LogVerdict, Verdict, VerdictKind } from '../../core/verdict.ts'
import type { CitationVerdict } from '../citation.ts'
import { line } from './line.ts'
import type { Look, Style } from './paint.ts'
import { counted, grouped } from './values.ts'
import { visible } from '../../core/visible.ts'
import { fold, pad, width } from './width.ts'

const signs: Readonly<Record<VerdictKind, readonly [string, Style]>> = {
  PASS: ['✓', 'good'],
  FAIL: ['✗', 'alarm'],
  INCOMPLETE: ['?', 'caution'],
}

/** One line for each citation that was to be compared, and an empty one below them. No lines for none. */
export function citationView(judged: readonly CitationVerdict[], look: Look): readonly string[] {
  if (judged.length === 0) return []
  const lines = judged.map((each) => {
    const found =
      each.found_hash === null
        ? 'no such row is stored'
        : `the stored row has ${each.found_hash.slice(0, 16)}`
    const message = each.holds ? 'is stored as cited' : `was expected; ${found}`
    const sign = each.holds ? look.paint('good', '✓') : look.paint('alarm', '✗')
    return `${sign} ${visible(each.citation)}  ${look.paint(each.holds ? 'quiet' : 'danger', visible(message))}`
  })
  return [...lines, '']
}

/**
 * A verdict for eyes: each log with its counts, under a damaged one the first break and every further one in order of
 * index, then what this verdict cannot show, and the overall word on the last line, where the eye rests.
 */
export function verdictView(verdict: Verdict, look: Look): readonly string[] {
  // What holds for every log is said once, below them.
  const shared = (verdict.logs[0]?.notes ?? []).filter((note) =>
    verdict.logs.every((log) => log.notes.includes(note)),
  )
  const common = [...new Set([...shared, ...verdict.notes])]
  const columns = {
    name: verdict.logs.reduce((most, log) => Math.max(most, width(visible(log.log))), 0),
    counts: verdict.logs.reduce((most, log) => Math.max(most, countsText(log).length), 0),
  }
  return [
    ...verdict.logs.flatMap((log) => logView(log, columns, common, look)),
    ...(verdict.logs.length > 0 ? [''] : []),
    ...common.flatMap((note) => noteLines(note, '', look)),
    summary(verdict, look),
  ]
}

function logView(
  log: LogVerdict,
  columns: Columns,
  common: readonly string[],
  look: Look,
): readonly string[] {
  const [sign, style] = signs[log.verdict]
  const damage = [
    ...(log.rows_missing > 0 ? [`${grouped(log.rows_missing)} missing`] : []),
    ...(log.rows_bad > 0 ? [`${grouped(log.rows_bad)} bad`] : []),
    ...(log.rows_expired > 0 ? [`${grouped(log.rows_expired)} expired`] : []),
    ...(log.rows_erased > 0 ? [`${grouped(log.rows_erased)} erased`] : []),
  ]
  const isPart = log.from_index > 0
  return [
    line(
      [
        { text: `${sign} ${log.verdict}`, style, columns: 12 },
        { text: visible(log.log), columns: columns.name },
        { text: countsText(log), columns: columns.counts, align: 'right' },
        { text: isPart ? `#${log.from_index}..#${log.to_index - 1}` : '', style: 'quiet' },
        { text: damage.join(', '), style: log.rows_missing + log.rows_bad > 0 ? 'danger' : 'plain' },
        {
          text: log.head_hash === null ? '' : `head ${visible(log.head_hash.slice(0, 16))}`,
          style: 'quiet',
          yields: 1,
          keeps: 13,
        },
      ],
      look,
    ),
    ...anchorLines(log, look),
    ...log.breaks.flatMap((each, index) => breakLines(each, index, look)),
    ...(log.breaks_total > log.breaks.length
      ? [
          look.paint(
            'danger',
            `    … and ${counted(log.breaks_total - log.breaks.length, 'further break')} not listed`,
          ),
        ]
      : []),
    ...log.notes.filter((note) => !common.includes(note)).flatMap((note) => noteLines(note, '    ', look)),
  ]
}

/** Whose word the rows are, where somebody signed them. */
function anchorLines({ anchored_to }: LogVerdict, look: Look): readonly string[] {
  if (anchored_to === null || anchored_to === undefined) return []
  const { size, key, key_source, witnesses } = anchored_to
  const source = { given: 'given', node: 'of this machine', log: 'named by the log itself' }[key_source]
  const seen =
    witnesses.known === 0
      ? ''
      : `, ${witnesses.signed} of ${counted(witnesses.known, 'witness', 'witnesses')}`
  const text = `signed up to row ${size - 1} by the key ${key.split('+')[1] ?? ''} (${source})${seen}`
  return [look.paint('quiet', `    ${visible(text)}`)]
}

interface Columns {
  readonly name: number
  readonly counts: number
}

function countsText(log: LogVerdict): string {
  return `${grouped(log.rows_checked)} of ${counted(log.rows_expected, 'row')}`
}

function breakLines(found: Break, index: number, look: Look): readonly string[] {
  const place =
    found.from_index === found.to_index ? `#${found.from_index}` : `#${found.from_index}..#${found.to_index}`
  const lead = `    ${index === 0 ? 'first break' : '       then'}  ${pad(place, 12)}  ${pad(found.kind, 18)}`
  const room = look.columns === null ? Infinity : look.columns - lead.length - 2
  const message = visible(found.message)
  const [style, rest]: readonly [Style, readonly string[]] = [
    index === 0 ? 'alarm' : 'danger',
    // A message that has no decent room beside its index goes below it, indented.
    room >= 24 ? fold(message, room) : [],
  ]
  if (rest.length > 0) {
    const [first = '', ...more] = rest
    return [
      `${look.paint(style, lead)}  ${first}`,
      ...more.map((text) => `${' '.repeat(lead.length + 2)}${text}`),
    ]
  }
  const below = look.columns === null ? Infinity : Math.max(20, look.columns - 8)
  return [look.paint(style, lead.trimEnd()), ...fold(message, below).map((text) => `        ${text}`)]
}

function noteLines(note: string, indent: string, look: Look): readonly string[] {
  const room = look.columns === null ? Infinity : Math.max(20, look.columns - indent.length - 6)
  return fold(visible(note), room).map((text, index) =>
    look.paint('quiet', `${indent}${index === 0 ? 'note  ' : '      '}${text}`),
  )
}

function summary(verdict: Verdict, look: Look): string {
  const [sign, style] = signs[verdict.verdict]
  return [
    look.paint(style, `${sign} ${verdict.verdict}`),
    `${counted(verdict.rows_checked, 'row')} checked in ${counted(verdict.logs.length, 'log')},`,
    `${grouped(verdict.rows_bad)} bad, ${grouped(verdict.rows_missing)} missing`,
    look.paint('quiet', `(${visible(verdict.verifier_version)})`),
  ].join(' ')
}
